package probetest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The plugin's calls to Kubernetes, with the host, the CA and the reviewer token in the
// mount's config, over connections of their own.

// pluginAgent is the User-Agent of the plugin's calls, which distinguishes them from the
// exporter's.
const pluginAgent = "Go-http-client/1.1"

// pluginPatience is the plugin's timeout for a TLS handshake. For a connection it is 30 s,
// and there is none for a response.
const pluginPatience = 10 * time.Second

type pluginCaller struct {
	config *Config
	client *http.Client
}

func (m Mount) caller() pluginCaller {
	trusted := x509.NewCertPool()
	ca := m.Config.ca()
	if m.plugin.PluginSince(keepsConnections) {
		ca = cmp.Or(m.PooledCA, ca)
	}
	trusted.AppendCertsFromPEM([]byte(ca))
	patience := cmp.Or(m.Patience, pluginPatience)
	return pluginCaller{m.Config, &http.Client{Transport: &http.Transport{
		Proxy: func(*http.Request) (*url.URL, error) {
			if m.Proxy == "" {
				return nil, nil
			}
			return url.Parse(m.Proxy)
		},
		TLSClientConfig:     &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12},
		DialContext:         (&net.Dialer{Timeout: patience}).DialContext,
		TLSHandshakeTimeout: patience,
	}}}
}

func (p pluginCaller) close() { p.client.CloseIdleConnections() }

// ask makes one call and returns the status and body of the response.
func (p pluginCaller) ask(ctx context.Context, method, path, bearer string, body []byte) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(p.config.Host, "/")+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Authorization", strings.TrimSpace("Bearer "+bearer))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	response, err := p.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// get reads an object with the stored reviewer's token, or with the client's if there is
// none. short and long are the plugin's names for the object in its error texts.
func (p pluginCaller) get(ctx context.Context, path, bearer, short, long string, into any) error {
	code, body, err := p.ask(ctx, http.MethodGet, path, bearer, nil)
	if err != nil {
		return err
	}
	if code != http.StatusOK {
		var said struct{ Status, Message string }
		if err := json.Unmarshal(body, &said); err != nil {
			return fmt.Errorf("failed to parse error status on %s retrieval failure err=%w", long, err)
		}
		if said.Status != "Success" {
			return fmt.Errorf("failed to get %s (code %d status %s)", short, code, said.Message)
		}
	}
	return json.Unmarshal(body, into)
}

// admits checks whether the role admits the account's namespace. It makes a call only if
// the role has a selector.
func (p pluginCaller) admits(ctx context.Context, a account, role Role) error {
	if contains(role.Namespaces, a.namespace) {
		return nil
	}
	if role.Selector == nil {
		return namespaceUnauthorized
	}
	labels, err := p.labels(ctx, a.namespace)
	if err != nil {
		return refusal{403, namespaceUnauthorized.text + " err=" + err.Error()}
	}
	for name, value := range role.Selector {
		if labels[name] != value {
			return namespaceUnauthorized
		}
	}
	return nil
}

func (p pluginCaller) labels(ctx context.Context, namespace string) (map[string]string, error) {
	path := "/api/v1/namespaces/" + namespace
	if _, err := http.NewRequest(http.MethodGet, p.config.Host+path, nil); err != nil {
		return nil, err // the host is checked before the token
	}
	if p.config.reviewer() == "" {
		return nil, errors.New("namespace lookup failed: TokenReviewer JWT needs to be configured to use namespace selectors")
	}
	var object struct {
		Metadata struct{ Labels map[string]string }
	}
	err := p.get(ctx, path, p.config.reviewer(), "namespace", "namespace", &object)
	return maps.Clone(object.Metadata.Labels), err
}

// annotations reads the service account, whose annotations become metadata of the alias.
func (p pluginCaller) annotations(ctx context.Context, token string, a account) error {
	path := "/api/v1/namespaces/" + a.namespace + "/serviceaccounts/" + a.name
	return p.get(ctx, path, cmp.Or(p.config.reviewer(), token), "service account", "service account", &struct{}{})
}

// tokenReview is the part of a TokenReview that the plugin reads.
type tokenReview struct {
	Status struct {
		Error         string
		Authenticated bool
		Audiences     []string
		User          struct{ Username, UID string }
	}
}

// lookup creates a TokenReview of the token and compares the result with its claims.
func (p pluginCaller) lookup(ctx context.Context, token string, a account, audience string) error {
	wanted := a.audiences
	if audience != "" {
		wanted = []string{audience}
	}
	question, err := json.Marshal(map[string]any{"spec": map[string]any{"token": token, "audiences": wanted}})
	if err != nil {
		return err
	}
	code, body, err := p.ask(ctx, http.MethodPost, "/apis/authentication.k8s.io/v1/tokenreviews", cmp.Or(p.config.reviewer(), token), question)
	if err != nil {
		return err
	}
	if code < http.StatusOK || code > http.StatusPartialContent {
		return fmt.Errorf("the TokenReview got %d", code)
	}
	var review tokenReview
	if err := json.Unmarshal(body, &review); err != nil {
		return err
	}
	return review.confirms(a, wanted)
}

func (r tokenReview) confirms(a account, wanted []string) error {
	s := r.Status
	common := func(audience string) bool { return slices.Contains(s.Audiences, audience) }
	switch {
	case s.Error != "":
		return fmt.Errorf("lookup failed: %s", s.Error)
	case !s.Authenticated:
		return errors.New("lookup failed: service account jwt not valid")
	case len(wanted) > 0 && !slices.ContainsFunc(wanted, common):
		return fmt.Errorf("lookup failed: service account jwt valid for audience(s) %v, but wanted %v", s.Audiences, wanted)
	case s.User.Username != "system:serviceaccount:"+a.namespace+":"+a.name:
		return errors.New("JWT names did not match")
	case s.User.UID != a.uid:
		return errors.New("JWT UIDs did not match")
	}
	return nil
}

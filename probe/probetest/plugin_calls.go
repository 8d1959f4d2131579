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
	"slices"
	"strings"
	"time"
)

// The plugin's calls to Kubernetes: with the host, the CA and the reviewer token
// that the mount has stored, over a connection of their own.

// pluginAgent tells the plugin's calls from the exporter's.
const pluginAgent = "Go-http-client/1.1"

// The plugin waits 30 s for a connection and 10 s for a TLS handshake, and then
// without end. The fake gives up sooner, yet later than the timeout of a hanging scenario.
const pluginPatience = 1200 * time.Millisecond

type pluginCaller struct {
	config *Config
	client *http.Client
}

func (m Mount) caller() pluginCaller {
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM([]byte(cmp.Or(m.PooledCA, m.Config.CACert)))
	return pluginCaller{m.Config, &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12},
		DialContext:         (&net.Dialer{Timeout: pluginPatience}).DialContext,
		TLSHandshakeTimeout: pluginPatience,
	}}}
}

func (p pluginCaller) close() { p.client.CloseIdleConnections() }

// ask makes one call and returns the answer's status and body.
func (p pluginCaller) ask(ctx context.Context, method, path, bearer string, body []byte) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(p.config.Host, "/")+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", strings.TrimSpace("Bearer "+bearer))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	response, err := p.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// get reads an object as the stored reviewer, or as the client where there is none.
// What the plugin calls the object stands in its texts.
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

// admits judges the account's namespace, which takes a call where the role has a
// selector.
func (p pluginCaller) admits(ctx context.Context, a account, role Role) error {
	if slices.Contains(role.Namespaces, a.namespace) {
		return nil
	}
	unauthorized := refusal{403, "namespace not authorized"}
	if role.Selector == nil {
		return unauthorized
	}
	labels, err := p.labels(ctx, a.namespace)
	if err != nil {
		return refusal{403, unauthorized.text + " err=" + err.Error()}
	}
	for name, value := range role.Selector {
		if labels[name] != value {
			return unauthorized
		}
	}
	return nil
}

func (p pluginCaller) labels(ctx context.Context, namespace string) (map[string]string, error) {
	path := "/api/v1/namespaces/" + namespace
	if _, err := http.NewRequest(http.MethodGet, p.config.Host+path, nil); err != nil {
		return nil, err // the host is looked at before the token
	}
	if p.config.ReviewerJWT == "" {
		return nil, errors.New("namespace lookup failed: TokenReviewer JWT needs to be configured to use namespace selectors")
	}
	var object struct {
		Metadata struct{ Labels map[string]string }
	}
	err := p.get(ctx, path, p.config.ReviewerJWT, "namespace", "namespace", &object)
	return maps.Clone(object.Metadata.Labels), err
}

// annotations reads the service account, whose annotations become metadata.
func (p pluginCaller) annotations(ctx context.Context, token string, a account) error {
	path := "/api/v1/namespaces/" + a.namespace + "/serviceaccounts/" + a.name
	return p.get(ctx, path, cmp.Or(p.config.ReviewerJWT, token), "service account", "service account", &struct{}{})
}

// tokenReview is what the plugin reads of a TokenReview.
type tokenReview struct {
	Status struct {
		Error         string
		Authenticated bool
		Audiences     []string
		User          struct{ Username, UID string }
	}
}

// lookup has the token reviewed, and holds the answer against its claims.
func (p pluginCaller) lookup(ctx context.Context, token string, a account, audience string) error {
	wanted := a.audiences
	if audience != "" {
		wanted = []string{audience}
	}
	question, err := json.Marshal(map[string]any{"spec": map[string]any{"token": token, "audiences": wanted}})
	if err != nil {
		return err
	}
	code, body, err := p.ask(ctx, http.MethodPost, "/apis/authentication.k8s.io/v1/tokenreviews", cmp.Or(p.config.ReviewerJWT, token), question)
	if err != nil {
		return err
	}
	if code < http.StatusOK || code > http.StatusPartialContent {
		return fmt.Errorf("the TokenReview answered %d", code)
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

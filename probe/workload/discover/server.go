package discover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/apiserver"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/httpclient"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/kubeconfig"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// maxPage limits the size of one page of a list, in bytes.
const maxPage = 8 << 20

// pageTimeout bounds one request. A plugin of a kubeconfig may have to get a token first.
const pageTimeout = 30 * time.Second

// server is the API server during one reading.
type server struct {
	base      *url.URL
	userAgent string
	client    *http.Client
	redactor  *redact.Redactor
	close     func()
	groups    map[string]group // those that were asked for
}

// group is what the API server said of an API group.
type group struct {
	versions []string
	err      error
}

func inCluster(target evidence.Kubernetes, userAgent string) (*server, error) {
	base, err := url.Parse(target.Host)
	if err != nil || base.Host == "" {
		return nil, errors.New("the address of the API server is not a URL")
	}
	if target.TokenFile == "" {
		return nil, errors.New("the exporter has no token for the API server")
	}
	files := apiserver.Files{CACert: target.CACert, TokenFile: target.TokenFile, ServerName: target.TLSServerName}
	if _, err := files.Token(); err != nil {
		return nil, err
	}
	config, err := files.TLS()
	if err != nil {
		return nil, err
	}
	redactor := redact.New(httpclient.ProxyCredentials()...)
	transport := httpclient.NewTransport(config)
	bounded := httpclient.Bounded{Base: transport, Hold: redactor.Hold, Limit: maxPage}
	return &server{
		base: base, userAgent: userAgent, redactor: redactor, close: transport.CloseIdleConnections,
		client: httpclient.New(files.Authenticate(bounded)),
	}, nil
}

func fromKubeconfig(path, contextName, userAgent string) (*server, error) {
	redactor := redact.New(httpclient.ProxyCredentials()...)
	s, err := kubeconfig.Connect(kubeconfig.Options{
		Path: path, Context: contextName, UserAgent: userAgent, Hold: redactor.Hold, MaxBody: maxPage,
	})
	if err != nil {
		return nil, err
	}
	return &server{base: s.Base, userAgent: userAgent, client: s.Client, redactor: redactor, close: func() {}}, nil
}

// get requests a path. The caller closes the body of the response, which has the status 200.
func (s *server) get(ctx context.Context, path string, query url.Values) (*http.Response, error) {
	u := s.base.JoinPath(path)
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", s.userAgent)
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	refused := answerError{status: response.StatusCode}
	var status struct {
		Message  string
		Metadata struct{ Continue string }
	}
	if json.NewDecoder(response.Body).Decode(&status) == nil { // an answer that is no Status has no text
		refused.text, refused.next = status.Message, status.Metadata.Continue
	}
	return nil, refused
}

// versions returns those that the API server serves of a group; none for the core group.
// Where it does not say, the error says why.
func (s *server) versions(ctx context.Context, name string) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	if known, asked := s.groups[name]; asked {
		return known.versions, known.err
	}
	var answer struct {
		Versions []struct{ Version string }
	}
	g := group{err: s.ask(ctx, "apis/"+name, "APIGroup", &answer)}
	for _, v := range answer.Versions {
		g.versions = append(g.versions, v.Version)
	}
	if s.groups == nil {
		s.groups = map[string]group{}
	}
	s.groups[name] = g
	return g.versions, g.err
}

// resources returns the plurals of the kinds in a version of a group.
func (s *server) resources(ctx context.Context, group, version string) ([]string, error) {
	var answer struct{ Resources []struct{ Name string } }
	if err := s.ask(ctx, "apis/"+group+"/"+version, "APIResourceList", &answer); err != nil {
		return nil, err
	}
	var plurals []string
	for _, r := range answer.Resources {
		plurals = append(plurals, r.Name)
	}
	return plurals, nil
}

// ask requests a document of this kind.
func (s *server) ask(ctx context.Context, path, kind string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	response, err := s.get(ctx, path, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var typed struct{ Kind string }
	if json.Unmarshal(content, &typed) != nil || typed.Kind != kind || json.Unmarshal(content, into) != nil {
		return notKubernetes
	}
	return nil
}

// answerError is an answer that is no list.
type answerError struct {
	status int // 0 where the content is wrong
	text   string
	next   string // the continue token that the API server proposes instead of an expired one
}

func (e answerError) Error() string {
	switch {
	case e.status == 0:
		return e.text
	case e.text == "":
		return fmt.Sprintf("the API server responded with %d %s", e.status, http.StatusText(e.status))
	}
	return fmt.Sprintf("the API server responded with %d: %s", e.status, e.text)
}

var notKubernetes = answerError{text: "the answer is not the API server's JSON"}

// statusOf is the status of an answer, and 0 where there was none.
func statusOf(err error) int {
	answer, _ := errors.AsType[answerError](err)
	return answer.status
}

// describe is an error as it may be shown: an API server may echo our own token.
func describe(s *server, err error) string {
	if s == nil {
		return redact.Clean(err.Error())
	}
	if refused, ok := errors.AsType[*url.Error](err); ok { // the path is known from the source
		err = refused.Err
	}
	return s.redactor.Clean(err.Error())
}

// Package kubeconfig connects to the API server of a kubeconfig's context, as kubectl does:
// with KUBECONFIG, client certificates and credential plugins.
package kubeconfig

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/httpclient"
)

// Options say which API server to connect to, and how.
type Options struct {
	// Path is that of the file; empty means KUBECONFIG, and else ~/.kube/config.
	Path string
	// Context is the name of a context; empty means the current one.
	Context   string
	UserAgent string
	// Hold is given each credential before it is sent.
	Hold func(credential string)
	// MaxBody limits the size of an answer in bytes; 0 means [httpclient.MaxBody].
	MaxBody int64
}

// Server is the API server of a context.
type Server struct {
	Base   *url.URL
	Config *rest.Config
	// Client follows no redirect and leaves no connection open.
	Client *http.Client
}

// ErrNone says that there is no kubeconfig. [Connect] adds the paths that it tried.
var ErrNone = errors.New("there is no kubeconfig")

// Connect reads the kubeconfig. It sends no request, and runs no plugin. Its errors name the
// files.
func Connect(o Options) (Server, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.Path
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: o.Context}).ClientConfig()
	files := strings.Join(rules.GetLoadingPrecedence(), ", ")
	if clientcmd.IsEmptyConfig(err) {
		return Server{}, fmt.Errorf("%w at %s", ErrNone, files)
	}
	if err != nil {
		return Server{}, fmt.Errorf("reading the kubeconfig %s: %w", files, err)
	}
	config.UserAgent = o.UserAgent
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return Server{}, err
	}
	tlsConfig, err := rest.TLSConfigFor(config)
	if err != nil {
		return Server{}, err
	}
	transport := httpclient.NewTransport(tlsConfig)
	if config.Proxy != nil {
		transport.Proxy = config.Proxy
	}
	transport.DisableKeepAlives = true // nothing is left open
	authenticating, err := rest.HTTPWrappersForConfig(config, httpclient.Bounded{Base: transport, Hold: o.Hold, Limit: o.MaxBody})
	if err != nil {
		return Server{}, err
	}
	return Server{base, config, httpclient.New(authenticating)}, nil
}

package leader

import (
	"net/http"
	"sync"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/apiserver"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/httpclient"
)

// reconnecting makes requests over one connection, and over a new one, with the CA as
// it then is, after a request that failed: a CA is rotated, and a connection that went
// dead would be used again.
type reconnecting struct {
	files apiserver.Files

	mu        sync.Mutex // guards transport
	transport *http.Transport
}

func (r *reconnecting) RoundTrip(request *http.Request) (*http.Response, error) {
	transport, err := r.current()
	if err != nil {
		return nil, err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		r.drop(transport)
	}
	return response, err
}

// CloseIdleConnections lets an http.Client close what is not in use.
func (r *reconnecting) CloseIdleConnections() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.transport != nil {
		r.transport.CloseIdleConnections()
	}
}

func (r *reconnecting) current() (*http.Transport, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.transport != nil {
		return r.transport, nil
	}
	config, err := r.files.TLS()
	if err != nil {
		return nil, err
	}
	r.transport = httpclient.NewTransport(config)
	return r.transport, nil
}

func (r *reconnecting) drop(transport *http.Transport) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.transport == transport {
		r.transport = nil
	}
	transport.CloseIdleConnections()
}

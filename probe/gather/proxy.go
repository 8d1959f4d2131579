package gather

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The proxy in HTTPS_PROXY or HTTP_PROXY belongs to the exporter: its failures say nothing
// about the server behind it.

// Network is how servers are reached. The zero value dials directly, or through the
// proxies that the environment names.
type Network struct {
	Proxy func(*http.Request) (*url.URL, error)
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)

	files *parsedFiles // of certificates
}

// proxyFor chooses the proxy for a request and records it in the request's trace.
func (n Network) proxyFor(request *http.Request) (*url.URL, error) {
	choose := n.Proxy
	if choose == nil {
		choose = http.ProxyFromEnvironment
	}
	proxy, err := choose(request)
	if proxy != nil {
		requestTraceOf(request.Context()).proxy.Store(proxy)
	}
	return proxy, err
}

// sawProxyAnswer records a proxy's response to CONNECT. The transport's own error for a
// rejected CONNECT has nothing but the text of the status.
func sawProxyAnswer(ctx context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		requestTraceOf(ctx).connected.Store(true)
		return nil
	}
	return evidence.Failure{
		Class: evidence.ClassProxyRefused, Status: answer.StatusCode,
		Text: fmt.Sprintf("the proxy %s refuses CONNECT: %s", proxy.Host, http.StatusText(answer.StatusCode)),
	}
}

// isProxyError reports whether the connection to a proxy failed.
func isProxyError(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "proxyconnect" || op.Op == "socks connect")
}

// proxyTimeout returns the failure of a request that timed out at this stage, if a proxy
// had not connected it to the server by then. Why a proxy does not respond to CONNECT is
// not known.
func (x *requestTrace) proxyTimeout(at stage) (evidence.Failure, bool) {
	proxy := x.proxy.Load()
	if proxy == nil || x.connected.Load() {
		return evidence.Failure{}, false
	}
	last := stageConnecting
	if proxy.Scheme == "https" {
		last = stageHandshake // with the proxy
	}
	switch {
	case at > last:
		return evidence.Failure{}, false
	case at <= stageResolving:
		return evidence.Failure{Class: evidence.ClassProxyUnreachable, Text: "the name of the proxy " + proxy.Host + " was not resolved in time"}, true
	}
	return evidence.Failure{Class: evidence.ClassProxyRefused, Text: "the proxy " + proxy.Host + " did not connect in time"}, true
}

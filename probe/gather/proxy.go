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

// The proxy that HTTPS_PROXY or HTTP_PROXY names is the exporter's own: what becomes of
// it says nothing of the server behind it.

// Network is how servers are reached. The zero value is the host's own network, with
// the proxies that the environment names.
type Network struct {
	Proxy func(*http.Request) (*url.URL, error)
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
}

// proxyFor chooses a request's proxy, and notes it in the request's record.
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

// sawProxyAnswer takes in a proxy's answer to CONNECT. The transport would keep no more
// of a refusal than the words of its status.
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

// isProxys reports whether dialling a proxy failed.
func isProxys(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "proxyconnect" || op.Op == "socks connect")
}

// proxyTimeout is the failure of a request whose time was over at this stage, where a
// proxy had not connected it to the server by then. What happens behind a proxy that
// makes no answer to CONNECT cannot be seen.
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
	return evidence.Failure{Class: evidence.ClassProxyRefused, Text: "the proxy " + proxy.Host + " made no connection in time"}, true
}

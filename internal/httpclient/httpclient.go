// Package httpclient is how this process makes requests: over connections that are
// bounded in every direction, and with clients that follow no redirect.
package httpclient

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// Bounds on what a server may send, in bytes.
const (
	MaxBody   = 1 << 20
	MaxHeader = 64 << 10
)

// NewTransport returns a transport of its own for one server. It speaks HTTP/1.1, where a
// request that times out closes its connection: the next one cannot be sent on a dead one.
func NewTransport(config *tls.Config) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		TLSClientConfig:        config,
		Protocols:              protocols,
		DisableCompression:     true,
		MaxResponseHeaderBytes: MaxHeader,
	}
}

// OfferHTTP2 makes a transport speak HTTP/2 with a server that chooses it. It is for
// transports that live as short as one run, because an HTTP/2 connection outlives a request
// that timed out on it.
func OfferHTTP2(transport *http.Transport) {
	transport.Protocols.SetHTTP2(true)
	// What a server may send that nobody has read yet. The defaults are 4 MiB and 1 GiB.
	transport.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: receiveBuffer, MaxReceiveBufferPerConnection: receiveBuffer}
}

// receiveBuffer is the least that net/http accepts, in bytes. No valid response is longer.
const receiveBuffer = 64 << 10

// New returns a client that follows no redirect: a credential would travel along.
func New(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Bounded makes requests of which no answer is larger than a limit, and none outlives its
// request.
type Bounded struct {
	Base http.RoundTripper
	// Hold is given each credential before it is sent.
	Hold func(credential string)
	// Limit is in bytes; 0 means [MaxBody].
	Limit int64
}

// StatusError says that an answer has a status that no answer has. 101 is one: with
// it net/http hands over the connection, for which no deadline holds.
type StatusError struct{ Status int }

func (e StatusError) Error() string {
	return fmt.Sprintf("the answer has the status %d %s", e.Status, http.StatusText(e.Status))
}

// RoundTrip makes a request. The error of an answer that is none is a [StatusError]. An empty 200 is
// none either once the request's context is done, whose cause is the error: a handler of net/http that
// ends since its request was given up sends that, and net/http may return it. Other late answers are
// used: one may hold a token, which has to be revoked.
func (b Bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	b.hold(request.Header)
	response, err := b.Base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if ctx := request.Context(); ctx.Err() != nil && response.StatusCode == http.StatusOK && response.ContentLength == 0 {
		_ = response.Body.Close()
		return nil, context.Cause(ctx)
	}
	if response.StatusCode < http.StatusOK {
		_ = response.Body.Close()
		return nil, StatusError{response.StatusCode}
	}
	response.Body = http.MaxBytesReader(nil, response.Body, cmp.Or(b.Limit, MaxBody))
	return response, nil
}

func (b Bounded) hold(header http.Header) {
	for _, name := range []string{"Authorization", "X-Vault-Token"} {
		if value := header.Get(name); value != "" {
			b.Hold(strings.TrimPrefix(value, "Bearer "))
		}
	}
}

// ProxyCredentials returns what the proxy variables hold: passwords, and users with
// their passwords.
func ProxyCredentials() []string {
	var found []string
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"} {
		for _, name := range []string{name, strings.ToLower(name)} {
			found = append(found, credentialsOf(os.Getenv(name))...)
		}
	}
	return found
}

// credentialsOf reads also a URL that is malformed: an error would show it.
func credentialsOf(proxy string) []string {
	at := strings.LastIndexByte(proxy, '@')
	if at < 0 {
		return nil
	}
	_, user, found := strings.Cut(proxy[:at], "://")
	if !found {
		user = proxy[:at]
	}
	name, password, _ := strings.Cut(user, ":")
	credentials := []string{user, password}
	plainName, err := url.PathUnescape(name)
	plain, err2 := url.PathUnescape(password)
	if err == nil && err2 == nil && plainName+plain != name+password {
		credentials = append(credentials, plainName+":"+plain, plain)
	}
	return credentials
}

package gather

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"sync"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/httpclient"
)

// A run asks each server two questions at once. The second one waits until the first one's
// connection stands: over HTTP/2 they share it, and so one TLS handshake; over HTTP/1.1 the
// second one then makes its own. If the first one gets no connection, neither does the
// second, for the same cause.

// connecting is the making of the first connection to one address.
type connecting struct {
	by   *requestTrace // of the request that makes it
	done chan struct{} // closed once the connection stands or failed
	once sync.Once     // closes done
	err  error         // why it failed; valid once done is closed
}

// settle is called with nil once the connection stands. Later calls have no effect.
func (c *connecting) settle(err error) {
	c.once.Do(func() {
		c.err = err
		close(c.done)
	})
}

// wait returns nil once the connection stands, and otherwise why there is none.
func (c *connecting) wait(ctx context.Context, x *requestTrace) error {
	x.waitsFor.Store(c.by)
	select {
	case <-c.done:
		if c.err == nil {
			x.waitsFor.Store(nil)
		}
		return c.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// connect returns the first connection to the request's address, and whether this request
// makes it.
func (e *endpoint) connect(request *http.Request, x *requestTrace) (first *connecting, isMine bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	address := request.URL.Scheme + "://" + request.URL.Host
	if first = e.first[address]; first != nil && !first.failed() {
		return first, false
	}
	if e.first == nil {
		e.first = map[string]*connecting{}
	}
	first = &connecting{by: x, done: make(chan struct{})}
	e.first[address] = first
	return first, true
}

// failed reports whether the connection failed. The next request then makes a new one.
func (c *connecting) failed() bool {
	select {
	case <-c.done:
		return c.err != nil
	default:
		return false
	}
}

// exchange sends a request once there is a connection to its address, or at once if it makes
// that connection.
func (e *endpoint) exchange(request *http.Request, x *requestTrace) (response *http.Response, err error) {
	first, isMine := e.connect(request, x)
	if isMine {
		defer func() { first.settle(err) }()
	} else if err := first.wait(request.Context(), x); err != nil {
		return nil, err
	}
	trace := x.trace(func() { first.settle(nil) })
	request = x.watchBody(request.WithContext(httptrace.WithClientTrace(request.Context(), trace)))
	return httpclient.Bounded{Base: wire{e.transport, x}, Hold: x.redactor.Hold}.RoundTrip(request)
}

// The texts of net/http's errors for an HTTP/2 connection that ended before it could carry a
// request. Their types are not exported, and they do not say why the connection ended.
const (
	notEstablished = "http2: client conn could not be established"
	forceClosed    = "http2: client connection force closed via ClientConn.Close"
)

// wire sends a request again if its connection ended before the request was sent completely:
// first over a connection of its own, since an answer to the other question may have ended the
// shared one, then over HTTP/1.1. The last error says why the connection ended, which is lost
// in net/http's HTTP/2, and where a write fails before the reason is read: it may be the alert
// of a server that rejects a client certificate or misses one.
type wire struct {
	*http.Transport
	x *requestTrace
}

// RoundTrip makes a request.
func (w wire) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := w.Transport.RoundTrip(request)
	for _, http2 := range []bool{true, false} {
		if err == nil || !w.x.isIncomplete(err) || !isWriteError(err) && !endedUnused(err) {
			break
		}
		if request.GetBody != nil {
			if request.Body, err = request.GetBody(); err != nil {
				return nil, err
			}
		}
		w.x.attempts.Store(0) // those of net/http over one transport are counted
		once := w.Clone()
		once.DisableKeepAlives = true
		once.Protocols.SetHTTP2(http2)
		response, err = once.RoundTrip(request)
	}
	return response, err
}

func endedUnused(err error) bool { return err.Error() == notEstablished || err.Error() == forceClosed }

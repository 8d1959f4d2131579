package gather

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// stage is how far a request came.
type stage int32

const (
	stageStart stage = iota
	stageResolving
	stageConnecting
	stageHandshake
	stageWriting
	stageWaiting
	stageReading
)

// unanswered says what a server had not done when the deadline passed.
func (s stage) unanswered() string {
	switch s {
	case stageResolving:
		return "the name was not resolved in time"
	case stageConnecting:
		return "no connection in time"
	case stageHandshake:
		return "connected, but the TLS handshake was not answered in time"
	case stageWriting, stageWaiting:
		return "connected, but the request was not answered in time"
	case stageReading:
		return "the answer began, but did not end in time"
	}
	return "no answer in time"
}

// exchange is one request's record, filled by the endpoint and read by whoever
// made the request, once it has returned.
type requestTrace struct {
	over     func() error // why the request's time is over, nil while it is not
	redactor *redact.Redactor

	plain       bool // without TLS
	status      int
	contentType string
	location    string // of a redirect
	retryAfter  time.Duration

	reached atomic.Int32 // stage; the dialler may outlive the request
	sent    atomic.Bool  // the request left us whole

	proxy     atomic.Pointer[url.URL] // nil where the server itself is dialled
	connected atomic.Bool             // the proxy accepted CONNECT
}

type requestTraceKey struct{}

func newRequestTrace(ctx context.Context) (context.Context, *requestTrace) {
	x := &requestTrace{over: ctx.Err, redactor: redactorOf(ctx)}
	return context.WithValue(ctx, requestTraceKey{}, x), x
}

func requestTraceOf(ctx context.Context) *requestTrace {
	if x, ok := ctx.Value(requestTraceKey{}).(*requestTrace); ok {
		return x
	}
	_, x := newRequestTrace(ctx)
	return x
}

// advance records a stage, unless a later one was reached: the end of the request's
// writing may be noticed after the beginning of the answer. What happens once the
// time is over no longer counts: closing a connection makes its peer speak.
func (x *requestTrace) advance(s stage) {
	for x.over() == nil {
		reached := x.reached.Load()
		if int32(s) <= reached || x.reached.CompareAndSwap(reached, int32(s)) {
			return
		}
	}
}

// again readies the record for a second request in the place of the first, which
// was answered.
func (x *requestTrace) again() {
	x.status, x.contentType, x.location, x.retryAfter = 0, "", "", 0
	x.reached.Store(int32(stageStart))
	x.sent.Store(false)
	x.proxy.Store(nil)
	x.connected.Store(false)
}

func (x *requestTrace) trace() *httptrace.ClientTrace {
	at := x.advance
	return &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { at(stageResolving) },
		ConnectStart:      func(string, string) { at(stageConnecting) },
		TLSHandshakeStart: func() { at(stageHandshake) },
		GotConn:           func(httptrace.GotConnInfo) { at(stageWriting) },
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				x.sent.Store(true)
				at(stageWaiting)
			}
		},
		GotFirstResponseByte: func() { at(stageReading) },
	}
}

// silence is the failure of a request that is still open when its time is over. It
// may be asked for while the request goes on.
func (x *requestTrace) timeoutFailure(err error) evidence.Failure {
	reached := stage(x.reached.Load())
	class := classOf(err)
	if own, ok := x.proxyTimeout(reached); ok && class == evidence.ClassTimeout {
		return own
	}
	if class == evidence.ClassTimeout && reached == stageResolving {
		class = evidence.ClassDNS
	}
	return evidence.Failure{Class: class, Text: reached.unanswered(), Answering: reached == stageReading}
}

// foreign is the failure of an answer that is not in the server's own dialect. Its
// body is never shown: it may be anybody's page.
func (x *requestTrace) unexpectedAnswer(dialect string) evidence.Failure {
	if x.status == http.StatusProxyAuthRequired && x.proxy.Load() != nil {
		return evidence.Failure{Class: evidence.ClassProxyRefused, Status: x.status, Text: "the proxy wants a password"}
	}
	found := cmp.Or(x.redactor.Clean(x.contentType), "no content type")
	return evidence.Failure{
		Class: evidence.ClassBadResponse, Status: x.status, RetryAfter: x.retryAfter,
		Text: fmt.Sprintf("the answer (%s) is not %s", found, dialect),
	}
}

// failure classifies an error that carries no words of the server itself. What
// came back with the answer, its status and Retry-After, is added.
func (x *requestTrace) failure(err error) evidence.Failure {
	if over := x.over(); over != nil {
		err = over // a body cut by our own deadline looks like one cut by the server
	}
	f, known := errors.AsType[evidence.Failure](err)
	if !known {
		f = classified(err, x.redactor.Clean)
	}
	f.Status, f.RetryAfter = cmp.Or(f.Status, x.status), x.retryAfter
	switch {
	case x.status >= 300 && x.status < 400:
		f.Class, f.Text = evidence.ClassRedirect, "a redirect"+x.destination()+", which is not followed with a credential"
	case x.plain && x.status == http.StatusBadRequest && f.Class == evidence.ClassUnreachable:
		return x.plainToTLS() // a TLS server answers plain HTTP with 400, and resets the connection
	case f.Class == evidence.ClassTimeout:
		silent := x.timeoutFailure(err)
		f.Class, f.Text, f.Answering = silent.Class, silent.Text, silent.Answering
	case f.Class == evidence.ClassUnreachable && x.status != 0:
		f.Class, f.Text = evidence.ClassBadResponse, "the connection ended in the middle of the answer: "+f.Text
	}
	return f
}

// destination names the server that a redirect leads to. Path, query and user are left out:
// they may hold anything.
func (x *requestTrace) destination() string {
	location, err := url.Parse(x.location)
	if err != nil || location.Host == "" {
		return ""
	}
	return " to " + x.redactor.Clean(location.Scheme+"://"+location.Host)
}

func (x *requestTrace) plainToTLS() evidence.Failure {
	return evidence.Failure{Class: evidence.ClassTLSFailed, Status: x.status, Text: "the server speaks TLS, and was sent plain HTTP"}
}

// retryAfter reads the header in seconds or as a date; 0 where there is none.
func retryAfter(header string) time.Duration {
	if seconds, err := strconv.Atoi(header); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if date, err := http.ParseTime(header); err == nil {
		return max(0, time.Until(date))
	}
	return 0
}

package gather

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// stage is how far a request got.
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

// unanswered describes what had not happened when the deadline passed.
func (s stage) unanswered() string {
	switch s {
	case stageResolving:
		return "the name was not resolved in time"
	case stageConnecting:
		return "no connection in time"
	case stageHandshake:
		return "connected, but the TLS handshake did not finish in time"
	case stageWriting, stageWaiting:
		return "connected, but the request was not answered in time"
	case stageReading:
		return "the response began, but did not end in time"
	}
	return "no answer in time"
}

// requestTrace records one request. The endpoint writes it, and the code that made the
// request reads it after the request has returned.
type requestTrace struct {
	over     func() error // context.Context.Err of the request
	redactor *redact.Redactor

	plain       bool // without TLS
	http2       bool
	status      int
	contentType string
	location    string // of a redirect
	retryAfter  time.Duration

	reached  atomic.Int32 // a stage; atomic because the dialler may outlive the request
	handed   atomic.Bool  // net/http has read the whole body, so that the server may have the request
	sent     atomic.Bool  // net/http has written the request
	attempts atomic.Int32 // net/http sends a request again if the server says, over HTTP/2, that it has not processed it

	waitsFor atomic.Pointer[requestTrace] // the request whose connection this one waits for, else nil

	proxy     atomic.Pointer[url.URL] // nil if the server is dialled directly
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

// advance records a stage unless a later one was recorded: net/http may report the end of
// writing the request after the first byte of the response. Nothing is recorded once the
// request's context is done, since closing a connection can make the server respond.
func (x *requestTrace) advance(s stage) {
	for x.over() == nil {
		reached := x.reached.Load()
		if int32(s) <= reached || x.reached.CompareAndSwap(reached, int32(s)) {
			return
		}
	}
}

// again resets the trace for a second request after the first one was answered.
func (x *requestTrace) again() {
	x.status, x.contentType, x.location, x.retryAfter = 0, "", "", 0
	x.reached.Store(int32(stageStart))
	x.handed.Store(false)
	x.sent.Store(false)
	x.attempts.Store(0)
	x.waitsFor.Store(nil)
	x.proxy.Store(nil)
	x.connected.Store(false)
}

// trace returns hooks that record the request's stages. connected is called whenever it has
// a connection.
func (x *requestTrace) trace(connected func()) *httptrace.ClientTrace {
	at := x.advance
	return &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { at(stageResolving) },
		ConnectStart:      func(string, string) { at(stageConnecting) },
		TLSHandshakeStart: func() { at(stageHandshake) },
		GotConn: func(info httptrace.GotConnInfo) {
			secure, ok := info.Conn.(*tls.Conn)
			x.http2 = ok && secure.ConnectionState().NegotiatedProtocol == "h2"
			x.attempts.Add(1)
			x.handed.Store(false)
			x.sent.Store(false)
			at(stageWriting)
			connected()
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				x.sent.Store(true)
				at(stageWaiting)
			}
		},
		GotFirstResponseByte: func() { at(stageReading) },
	}
}

// isIncomplete reports whether the server cannot have the whole request, after net/http returned
// this error. Over HTTP/2 the write that failed may be another one of the same connection.
func (x *requestTrace) isIncomplete(err error) bool {
	return !x.handed.Load() || isWriteError(err) && (!x.http2 || !x.sent.Load())
}

// watchBody returns the request with a body that records when it is handed to the connection.
// That is before it is sent: net/http says so only afterwards, which is too late for a process
// that is suspended in between.
func (x *requestTrace) watchBody(request *http.Request) *http.Request {
	if request.Body == nil || request.Body == http.NoBody {
		return request
	}
	watch := func(body io.ReadCloser) io.ReadCloser {
		return &watchedBody{ReadCloser: body, remaining: request.ContentLength, handed: &x.handed}
	}
	request.Body = watch(request.Body)
	if again := request.GetBody; again != nil {
		request.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			if err != nil {
				return nil, err
			}
			return watch(body), nil
		}
	}
	return request
}

// watchedBody sets handed once it was read to its end.
type watchedBody struct {
	io.ReadCloser
	remaining int64 // bytes; not positive if the length is not known
	handed    *atomic.Bool
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.remaining -= int64(n); b.remaining <= 0 || err != nil {
		b.handed.Store(true)
	}
	return n, err
}

// timeoutFailure returns the failure of a request that has no response when its context is
// done. It may be called while the request is in progress.
func (x *requestTrace) timeoutFailure(err error) evidence.Failure {
	connecting := x
	if first := x.waitsFor.Load(); first != nil {
		connecting = first
	}
	reached := stage(connecting.reached.Load())
	class := classOf(err)
	if f, ok := connecting.proxyTimeout(reached); ok && class == evidence.ClassTimeout {
		return f
	}
	if class == evidence.ClassTimeout && reached == stageResolving {
		class = evidence.ClassDNS
	}
	if x.attempts.Load() > 2 && reached == stageWaiting {
		return evidence.Failure{Class: evidence.ClassUnreachable, Text: "connected, but the server refused the request every time (HTTP/2)"}
	}
	return evidence.Failure{Class: class, Text: reached.unanswered(), Answering: reached == stageReading}
}

// unexpectedAnswer returns the failure of a response that is not in the server's own
// format. Its body is never displayed: it may be from any server.
func (x *requestTrace) unexpectedAnswer(dialect string) evidence.Failure {
	if x.status == http.StatusProxyAuthRequired && x.proxy.Load() != nil {
		return evidence.Failure{Class: evidence.ClassProxyRefused, Status: x.status, Text: "the proxy requires authentication"}
	}
	found := cmp.Or(x.redactor.Clean(x.contentType), "no content type")
	return evidence.Failure{
		Class: evidence.ClassBadResponse, Status: x.status, RetryAfter: x.retryAfter,
		Text: fmt.Sprintf("the response (%s) is not %s", found, dialect),
	}
}

// failure classifies an error that has no text from the server itself, and adds the status
// and Retry-After of the response, if there was one.
func (x *requestTrace) failure(err error) evidence.Failure {
	if over := x.over(); over != nil {
		err = over // a body cut off by the deadline looks like one cut off by the server
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
		return x.plainToTLS() // a TLS server responds to plain HTTP with 400 and resets the connection
	case f.Class == evidence.ClassTimeout:
		timeout := x.timeoutFailure(err)
		f.Class, f.Text, f.Answering = timeout.Class, timeout.Text, timeout.Answering
	case f.Class == evidence.ClassUnreachable && x.status != 0:
		f.Class, f.Text = evidence.ClassBadResponse, "the connection ended in the middle of the response: "+f.Text
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
	return evidence.Failure{Class: evidence.ClassTLSFailed, Status: x.status, Text: "the server expects TLS, but was sent plain HTTP"}
}

// retryAfter parses a Retry-After header, in seconds or as a date; 0 if it is neither.
func retryAfter(header string) time.Duration {
	if header == "" {
		return 0 // as of most responses: an error of each parser costs more
	}
	if n, err := strconv.Atoi(header); err == nil {
		return time.Duration(min(max(0, n), math.MaxInt64/int(time.Second))) * time.Second
	}
	if date, err := http.ParseTime(header); err == nil {
		return max(0, time.Until(date))
	}
	return 0
}

package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"
)

// Class is the kind of a [Failure], told from the error's type, never from its text.
type Class string

// The classes of failure. What a class means for pods is for [Diagnose] to say.
const (
	ClassDNS          Class = "dns"           // the name did not resolve
	ClassUnreachable  Class = "unreachable"   // refused, reset, no route, closed before an answer
	ClassTimeout      Class = "timeout"       // no answer before the deadline
	ClassCanceled     Class = "canceled"      // the exporter itself gave up
	ClassTLSUntrusted Class = "tls_untrusted" // signed by an authority that is not in our bundle
	ClassTLSExpired   Class = "tls_expired"   // expired, or not yet valid
	ClassTLSName      Class = "tls_name"      // issued for another name
	ClassTLSFailed    Class = "tls_failed"    // no TLS, no common version, a client certificate is required
	ClassRedirect     Class = "redirect"      // a 3xx, which is not followed
	ClassBadResponse  Class = "bad_response"  // an answer, but not in the server's own dialect
	ClassRefused      Class = "refused"       // the server's own refusal: see Status and Text
	ClassForbidden    Class = "forbidden"     // the exporter lacks an identity, or a permission of its own
	ClassMissing      Class = "missing"       // a local file that is missing, unreadable or empty
	ClassMalformed    Class = "malformed"     // a local file whose content cannot be a token
)

// Failure is why a question brought no usable answer.
type Failure struct {
	Class Class
	// Status is the HTTP status of the answer, 0 if there was none.
	Status int
	// Text is what the server or the system said, cleaned for display; see [clean].
	Text string
	// RetryAfter is the pause that the server asked for, 0 if it did not.
	RetryAfter time.Duration
}

func (f Failure) Error() string {
	if f.Status != 0 {
		return fmt.Sprintf("%d %s", f.Status, f.Text)
	}
	return f.Text
}

// IsTransport reports whether the failure lies below the server's own words:
// nothing that answers as this server was reached.
func (f Failure) IsTransport() bool {
	switch f.Class {
	case ClassDNS, ClassUnreachable, ClassTimeout, ClassTLSUntrusted, ClassTLSExpired,
		ClassTLSName, ClassTLSFailed, ClassRedirect, ClassBadResponse:
		return true
	}
	return false
}

// failureOf finds the Failure in an error, or classifies the error.
func failureOf(err error) Failure {
	if f, ok := errors.AsType[Failure](err); ok {
		return f
	}
	return Failure{Class: classOf(err), Text: clean(words(err))}
}

// words leaves out the method and the URL, which the step and the target tell.
func words(err error) string {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fmt.Sprintf("the answer is larger than %d bytes", maxBody)
	}
	if request, ok := errors.AsType[*url.Error](err); ok {
		err = request.Err
	}
	return err.Error()
}

// classOf sorts a transport error by type. The order matters: a DNS error may
// also be a timeout, and a failed handshake is also a closed connection.
func classOf(err error) Class {
	if class, ok := certificateClass(err); ok {
		return class
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return ClassDNS
	}
	if errors.Is(err, context.Canceled) {
		return ClassCanceled
	}
	if isTimeout(err) {
		return ClassTimeout
	}
	if isTLS(err) {
		return ClassTLSFailed
	}
	if isUnreachable(err) {
		return ClassUnreachable
	}
	return ClassBadResponse
}

func certificateClass(err error) (Class, bool) {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return ClassTLSUntrusted, true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return ClassTLSName, true
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			return ClassTLSExpired, true
		}
		return ClassTLSUntrusted, true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return ClassTLSUntrusted, true
	}
	return "", false
}

func isTimeout(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

func isTLS(err error) bool {
	if errors.Is(err, http.ErrSchemeMismatch) {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return true
	}
	// crypto/tls reports an alert of the peer, and one that it sends itself, as an
	// OpError whose inner type is not exported.
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "remote error" || op.Op == "local error")
}

func isUnreachable(err error) bool {
	for _, cause := range []error{
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, syscall.EHOSTUNREACH,
		syscall.ENETUNREACH, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, io.ErrClosedPipe,
	} {
		if errors.Is(err, cause) {
			return true
		}
	}
	// Dialling, or speaking to the proxy, failed in a way not listed above.
	_, ok := errors.AsType[*net.OpError](err)
	return ok
}

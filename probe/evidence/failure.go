package evidence

import (
	"fmt"
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

	// The exporter's own, which say nothing of the server that was to be asked.
	ClassCAUnreadable     Class = "ca_unreadable"     // the file of a CA bundle, client certificate or key that is not usable
	ClassResources        Class = "resources"         // no file descriptor, memory or port is left
	ClassProxyUnreachable Class = "proxy_unreachable" // the HTTP proxy was not resolved or reached
	ClassProxyRefused     Class = "proxy_refused"     // the HTTP proxy was reached, and did not connect us to the server
)

// Failure is why a question brought no usable answer.
type Failure struct {
	Class Class
	// Status is the HTTP status of the answer, 0 if there was none.
	Status int
	// Answering is set where the answer had begun when the time was over.
	Answering bool
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

// IsExporters reports whether the exporter itself failed, or what is its own: its files,
// its host, its proxy. Such a failure says nothing of the server.
func (f Failure) IsExporters() bool {
	switch f.Class {
	case ClassCAUnreadable, ClassResources, ClassProxyUnreachable, ClassProxyRefused:
		return true
	}
	return false
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

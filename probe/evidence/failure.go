package evidence

import (
	"fmt"
	"time"
)

// Class is the kind of a [Failure]. It depends on the type of the error; its text matters
// only where Go offers nothing else.
type Class string

// The classes of failure. Package diagnose decides what a class means for pods.
const (
	ClassDNS          Class = "dns"           // the name did not resolve
	ClassUnreachable  Class = "unreachable"   // refused, reset, no route, closed before a response
	ClassTimeout      Class = "timeout"       // no response before the deadline
	ClassCanceled     Class = "canceled"      // the exporter itself canceled the request
	ClassTLSUntrusted Class = "tls_untrusted" // signed by an authority that is not in the CA bundle
	ClassTLSExpired   Class = "tls_expired"   // expired, or not yet valid
	ClassTLSName      Class = "tls_name"      // issued for another name
	ClassTLSFailed    Class = "tls_failed"    // no TLS, no common version, or a client certificate is required
	ClassRedirect     Class = "redirect"      // a 3xx, which is not followed
	ClassBadResponse  Class = "bad_response"  // a response that is not in the server's own format
	ClassRefused      Class = "refused"       // the server's own error response: see Status and Text
	ClassForbidden    Class = "forbidden"     // the exporter lacks an identity or a permission
	ClassMissing      Class = "missing"       // a local file that is missing, unreadable or empty
	ClassMalformed    Class = "malformed"     // a local file whose content cannot be a token

	// Failures of the exporter itself, which say nothing about the server.
	ClassCAUnreadable     Class = "ca_unreadable"     // the file of a CA bundle, client certificate or key is not usable
	ClassResources        Class = "resources"         // the process or host is out of file descriptors, memory or ports
	ClassProxyUnreachable Class = "proxy_unreachable" // the HTTP proxy's name was not resolved, or it was not reached
	ClassProxyRefused     Class = "proxy_refused"     // the HTTP proxy was reached, but did not connect to the server
)

// Failure is why a request got no usable answer.
type Failure struct {
	Class Class
	// Status is the HTTP status of the response, 0 if there was none.
	Status int
	// Answering is set if the response had begun when the deadline passed.
	Answering bool
	// Foreign is set for a 429 or 5xx at the API server's address that is not in its own
	// format: it may be from a server in front of it.
	Foreign bool
	// Text is the error text of the server or the system, cleaned for display; see
	// [Clean].
	Text string
	// Active is the address of the active node if a standby redirected a login there and it
	// failed there. Status is then 307 unless that node responded.
	Active string
	// RetryAfter is the pause that the server requested, 0 if it requested none.
	RetryAfter time.Duration
}

func (f Failure) Error() string {
	if f.Status != 0 {
		return fmt.Sprintf("%d %s", f.Status, f.Text)
	}
	return f.Text
}

// IsExporters reports whether the exporter itself failed, or one of its files, its host
// or its proxy. Such a failure says nothing about the server.
func (f Failure) IsExporters() bool {
	switch f.Class {
	case ClassCAUnreadable, ClassResources, ClassProxyUnreachable, ClassProxyRefused:
		return true
	}
	return false
}

// IsTransport reports whether no response came from this server itself: the connection
// failed, or something else responded.
func (f Failure) IsTransport() bool {
	switch f.Class {
	case ClassDNS, ClassUnreachable, ClassTimeout, ClassTLSUntrusted, ClassTLSExpired,
		ClassTLSName, ClassTLSFailed, ClassRedirect, ClassBadResponse:
		return true
	}
	return false
}

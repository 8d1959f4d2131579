package gather

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
	"strings"
	"syscall"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/httpclient"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// failureOf returns the Failure that an error wraps, or else classifies the error.
func failureOf(err error) evidence.Failure {
	if f, ok := errors.AsType[evidence.Failure](err); ok {
		return f
	}
	return classified(err, evidence.Clean)
}

func classified(err error, clean func(string) string) evidence.Failure {
	return evidence.Failure{Class: classOf(err), Text: clean(errorText(err))}
}

// errorText returns the text of an error without the method and URL of the request, which
// the step and the target already say.
func errorText(err error) string {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fmt.Sprintf("the response is larger than %d bytes", httpclient.MaxBody)
	}
	if request, ok := errors.AsType[*url.Error](err); ok {
		err = request.Err
	}
	if reset, ok := errors.AsType[streamError](err); ok { // the number differs from run to run
		return strings.Replace(err.Error(), fmt.Sprintf("stream ID %d; ", reset.StreamID), "", 1)
	}
	return err.Error()
}

// classOf classifies a transport error by its type. The order matters: a failure of the
// exporter itself can look like any failure of a server, a DNS error may also be a
// timeout, and a failed handshake is also a closed connection.
func classOf(err error) evidence.Class {
	if class, ok := ownClass(err); ok {
		return class
	}
	if class, ok := certificateClass(err); ok {
		return class
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return evidence.ClassDNS
	}
	if errors.Is(err, context.Canceled) {
		return evidence.ClassCanceled
	}
	if isTimeout(err) {
		return evidence.ClassTimeout
	}
	if isTLS(err) {
		return evidence.ClassTLSFailed
	}
	if isUnreachable(err) {
		return evidence.ClassUnreachable
	}
	return evidence.ClassBadResponse
}

// ownClass classifies failures of the exporter itself.
func ownClass(err error) (evidence.Class, bool) {
	if outOfResources(err) {
		return evidence.ClassResources, true
	}
	if _, ok := errors.AsType[x509.SystemRootsError](err); ok {
		return evidence.ClassCAUnreadable, true
	}
	if isProxyError(err) && !errors.Is(err, context.Canceled) {
		return evidence.ClassProxyUnreachable, true
	}
	return "", false
}

// outOfResources reports whether the process or its host is out of file descriptors,
// memory or ports.
func outOfResources(err error) bool {
	for _, cause := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS} {
		if errors.Is(err, cause) {
			return true
		}
	}
	// Go's resolver keeps only the text of the cause. The C library's resolver reports that
	// the host does not exist, so try to open a file instead.
	if unresolved, ok := errors.AsType[*net.DNSError](err); ok {
		return strings.HasSuffix(unresolved.Err, syscall.EMFILE.Error()) || strings.HasSuffix(unresolved.Err, syscall.ENFILE.Error()) || !mayOpen()
	}
	return errors.Is(err, syscall.EADDRNOTAVAIL) && toIPv4(err)
}

// mayOpen reports whether the process may open another file.
func mayOpen() bool {
	file, err := os.Open(os.DevNull)
	if err == nil {
		_ = file.Close()
	}
	return !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE)
}

// toIPv4 reports whether an IPv4 address was dialled. On a host without IPv6, dialling an
// IPv6 address fails with EADDRNOTAVAIL too, as if no port were left.
func toIPv4(err error) bool {
	for op, ok := errors.AsType[*net.OpError](err); ok; op, ok = errors.AsType[*net.OpError](op.Err) {
		if address, isTCP := op.Addr.(*net.TCPAddr); isTCP && address.IP.To4() != nil {
			return true
		}
	}
	return false
}

func certificateClass(err error) (evidence.Class, bool) {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return evidence.ClassTLSUntrusted, true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return evidence.ClassTLSName, true
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			return evidence.ClassTLSExpired, true
		}
		return evidence.ClassTLSUntrusted, true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return evidence.ClassTLSUntrusted, true
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
	// crypto/tls reports an alert, whether received or sent, as an OpError whose inner type is
	// not exported.
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "remote error" || op.Op == "local error")
}

// closedIdle is the text of net/http's error, of a type that is not exported, for a connection over
// HTTP/1.1 that its server closed before a request was sent on it, however new it was.
const closedIdle = "http: server closed idle connection"

// isUnreachable reports whether there was no connection, or it ended.
func isUnreachable(err error) bool {
	for _, cause := range []error{
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, syscall.EHOSTUNREACH,
		syscall.ENETUNREACH, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, io.ErrClosedPipe,
	} {
		if errors.Is(err, cause) {
			return true
		}
	}
	if endedHTTP2(err) || strings.Contains(err.Error(), closedIdle) {
		return true
	}
	// Any other failure to dial or to communicate with the proxy.
	_, ok := errors.AsType[*net.OpError](err)
	return ok
}

package gather

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// A process that is out of file descriptors cannot open a file, dial a server or resolve a
// name. Each of these is a failure of the exporter, not of the server.
func TestWithoutDescriptors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := newEndpoint(tlsFiles{}, Network{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	get := func(url string) error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := e.client(nil).Do(request)
		if err == nil {
			response.Body.Close()
		}
		return err
	}
	giveBack := useUpDescriptors(t)
	_, tokenErr := new(parsedFiles).loadToken(file)
	_, caErr := newEndpoint(tlsFiles{caCert: file}, Network{})
	failures := map[string]evidence.Failure{
		"token": failureOf(tokenErr), "CA": failureOf(caErr),
		"connection": failureOf(get("https://127.0.0.1:1")), "name": failureOf(get("https://vault.example.com:8200")),
	}
	giveBack()
	for what, f := range failures {
		if f.Class != evidence.ClassResources {
			t.Errorf("%s: class of %v = %s, want %s", what, f, f.Class, evidence.ClassResources)
		}
	}
}

// EADDRNOTAVAIL for an IPv6 address means that the host has no IPv6, not that it is out of
// ports.
func TestAddressNotAvailable(t *testing.T) {
	for address, want := range map[string]evidence.Class{"127.0.0.1": evidence.ClassResources, "::1": evidence.ClassUnreachable} {
		err := &net.OpError{Op: "dial", Addr: &net.TCPAddr{IP: net.ParseIP(address)}, Err: os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)}
		if got := classOf(err); got != want {
			t.Errorf("%s: class %s, want %s", address, got, want)
		}
	}
}

// A server, or a load balancer without one, that closes each connection at once is not reached, whether
// the end is noticed before or after the request is sent.
func TestClosedBeforeARequest(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	defer listener.Close()
	for range 2000 {
		e, err := newEndpoint(tlsFiles{}, Network{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, redactor := withRedactor(t.Context())
		ctx, x := newRequestTrace(ctx)
		x.redactor = redactor
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listener.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.client(nil).Do(request)
		if f := failureOf(x.failure(err)); f.Class != evidence.ClassUnreachable {
			t.Fatalf("class %s of %v", f.Class, err)
		}
		e.close()
	}
}

// useUpDescriptors opens files until the process cannot open another; giveBack closes them.
func useUpDescriptors(t *testing.T) (giveBack func()) {
	t.Helper()
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: min(before.Cur, 100), Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	var opened []*os.File
	for {
		file, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		opened = append(opened, file)
	}
	return func() {
		for _, file := range opened {
			file.Close()
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Fatal(err)
		}
	}
}

// A pause that no Duration can hold is long, not short.
func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-5": 0, "0": 0, "7": 7 * time.Second, "9223372036": 9223372036 * time.Second, "9223372037": 9223372036 * time.Second,
		"9223372036854775807": 9223372036 * time.Second, "18446744074": 9223372036 * time.Second, "Thu, 01 Jan 1970 00:00:00 GMT": 0,
	} {
		if got := retryAfter(header); got != want {
			t.Errorf("Retry-After: %s is %v, want %v", header, got, want)
		}
	}
}

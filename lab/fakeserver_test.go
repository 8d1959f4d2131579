package lab

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestFakeServerUsesTheGivenCertificate(t *testing.T) {
	ca := newCA(t)
	for _, tc := range []struct {
		name    string
		by      *authority
		changes []func(*x509.Certificate)
		want    func(error) bool
	}{
		{"healthy", ca, nil, func(err error) bool { return err == nil }},
		{"of another CA", newCA(t), nil, isErr[x509.UnknownAuthorityError]},
		{"for another name", ca, []func(*x509.Certificate){wrongName}, isErr[x509.HostnameError]},
		{"expired", ca, []func(*x509.Certificate){expiredYesterday}, isErr[x509.CertificateInvalidError]},
		{"expiring", ca, []func(*x509.Certificate){expiresTomorrow}, func(err error) bool { return err == nil }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := proxyToEcho(t)
			setMode(t, p, serveFake(webServer, issuedBy(func(*Lab) (*authority, error) { return tc.by, nil }, tc.changes...)))
			if _, text, err := get(t, "https://"+p.address, ca); !tc.want(err) || err == nil && !strings.Contains(text, "It works.") {
				t.Errorf("got %q, %v", text, err)
			}
		})
	}
}

func TestFakeServerWithoutCertificateSpeaksPlainHTTP(t *testing.T) {
	p := proxyToEcho(t)
	setMode(t, p, serveFake(webServer, noCertificate))
	wantWebPage(t, p)
	if _, _, err := get(t, "https://"+p.address, newCA(t)); !errors.Is(err, http.ErrSchemeMismatch) {
		t.Errorf("TLS gave %v, want a scheme mismatch", err)
	}
}

func TestFakeServerRespondsWithItsHandler(t *testing.T) {
	p := proxyToEcho(t)
	for _, tc := range []struct {
		name          string
		answers       fakeServer
		status        int
		header, value string
		text          string
	}{
		{"page", webServer, 200, "Content-Type", "text/html", "It works."},
		{"unavailable", unavailableServer, 503, "Content-Type", "application/json", `"reason":"ServiceUnavailable"`},
		{"throttled", throttlingServer, 429, "Retry-After", "1", "Too many requests, please try again later."},
		{"gateway", emptyGateway, 502, "Content-Length", "0", ""},
		{"redirecting", redirectingServer, 307, "Location", "https://vault.elsewhere.example/v1/sys/health", ""},
	} {
		setMode(t, p, serveFake(tc.answers, noCertificate)) // in sequence on one proxy, as faults are injected
		response, text, err := get(t, "http://"+p.address+"/v1/sys/health", nil)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != tc.status || response.Header.Get(tc.header) != tc.value || !strings.Contains(text, tc.text) {
			t.Errorf("%s responded with %d, %v, %q", tc.name, response.StatusCode, response.Header, text)
		}
	}
}

// The client trusts only the fake server's certificate, not the real server's.
func TestFakeServerPassesRequestsThrough(t *testing.T) {
	upstream := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "the backend says "+r.URL.Path+" to "+r.Header.Get("Authorization"))
	}))
	t.Cleanup(upstream.Close)
	ca := newCA(t)
	p := proxyTo(t, upstream.Listener.Addr().String())
	setMode(t, p, serveFake(passThrough, issuedBy(func(*Lab) (*authority, error) { return ca, nil })))
	if _, text, err := get(t, "https://"+p.address+"/readyz", ca); err != nil || text != "the backend says /readyz to Bearer me" {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestFakeServerWithInvalidCertificateLeavesTheProxyUnchanged(t *testing.T) {
	p := proxyToEcho(t)
	if err := p.serveFake(webServer(p), []byte("no PEM")); err == nil {
		t.Error("an invalid PEM was accepted")
	}
	wantEcho(t, dial(t, p))
}

func TestForwardStopsTheFakeServer(t *testing.T) {
	p := proxyToEcho(t)
	before := dial(t, p)
	wantEcho(t, before)
	setMode(t, p, serveFake(webServer, noCertificate))
	wantClosed(t, before)

	during := dial(t, p)
	wantHTTP(t, during)
	address := p.target
	for range 2 { // healing twice must work
		setMode(t, p, forward)
	}
	wantClosed(t, during)
	wantEcho(t, dial(t, p))
	if conn, err := net.Dial("tcp", address); err == nil {
		conn.Close()
		t.Error("the fake server still listens")
	}
}

func TestFakeServerAfterHangAndRefuse(t *testing.T) {
	p := proxyToEcho(t)
	for _, before := range []proxyMode{hang, refuse} {
		setMode(t, p, before)
		setMode(t, p, serveFake(webServer, noCertificate))
		wantWebPage(t, p)
	}
}

func TestForwardToReplacesTheBackend(t *testing.T) {
	other := httptest.NewServer(webServer(nil))
	t.Cleanup(other.Close)
	p := proxyToEcho(t)
	before := dial(t, p)
	wantEcho(t, before)
	setMode(t, p, serveFake(unavailableServer, noCertificate))
	if err := p.forwardTo(other.Listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	wantClosed(t, before)
	wantWebPage(t, p)
	setMode(t, p, forward)
	wantEcho(t, dial(t, p))
}

// wantHTTP sends one request and reads the response, and leaves the connection open.
func wantHTTP(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: lab\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
}

// setMode applies a mode that needs no lab.
func setMode(t *testing.T, p *proxy, mode proxyMode) {
	t.Helper()
	if err := mode(nil, p); err != nil {
		t.Fatal(err)
	}
}

func newCA(t *testing.T) *authority {
	t.Helper()
	ca, err := newAuthority("a CA of the test")
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func isErr[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// get trusts only ca and follows no redirects. The body of the returned response has been read.
func get(t *testing.T, url string, ca *authority) (*http.Response, string, error) {
	t.Helper()
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	if ca != nil {
		config.RootCAs = ca.pool()
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer me")
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: config},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       10 * time.Second,
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response, string(text), err
}

func wantWebPage(t *testing.T, p *proxy) {
	t.Helper()
	if _, text, err := get(t, "http://"+p.address, nil); err != nil || !strings.Contains(text, "It works.") {
		t.Errorf("got %q, %v; want the page", text, err)
	}
}

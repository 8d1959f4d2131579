package main

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// as requests a path under a Host.
func (s *serving) as(host, method, address, path string) int {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+address+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	request.Host = host
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

var (
	localHosts   = []string{"localhost", "localhost:10190", "LocalHost:8080", "127.0.0.1", "127.0.0.1:10190", "127.9.9.9:1", "[::1]", "[::1]:10190"}
	foreignHosts = []string{"evil.example", "evil.example:10190", "localhost.evil.example", "127.0.0.1.evil.example:10190", "10.0.0.1:10190", "[2001:db8::1]:10190", "0.0.0.0:10190"}
	guarded      = []string{"/", "/targets/default", "/api/v1/status", "/api/v1/status/default", "/docs/reasons.md", "/docs/warnings.md", "/runbooks/vault_sealed", "/api/v1/incidents", "/static/script.js", "/config", "/nonsense"}
)

// Where the loopback interface stands in for authentication, no website reads the page
// by resolving its own name to 127.0.0.1.
func TestHostsOnLoopback(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	s := startServing(t)
	for _, host := range foreignHosts {
		for _, path := range append(guarded, "/api/v1/events") {
			if code := s.as(host, "GET", s.metrics, path); code != http.StatusForbidden {
				t.Errorf("%s as %s = %d, want 403", path, host, code)
			}
		}
		if code := s.as(host, "POST", s.metrics, "/api/v1/probe/default"); code != http.StatusForbidden {
			t.Errorf("probe as %s = %d, want 403", host, code)
		}
		for _, path := range []string{"/metrics", "/-/healthy"} {
			if code := s.as(host, "GET", s.metrics, path); code != 200 {
				t.Errorf("%s as %s = %d, want 200", path, host, code)
			}
		}
		if code := s.as(host, "GET", s.health, "/healthz"); code != 200 {
			t.Errorf("/healthz as %s = %d, want 200", host, code)
		}
	}
	for _, host := range localHosts {
		if code := s.as(host, "GET", s.metrics, "/api/v1/status"); code != 200 {
			t.Errorf("the status as %s = %d, want 200", host, code)
		}
	}
	if code := s.as("localhost:10190", "POST", s.metrics, "/api/v1/probe/default"); code != 200 {
		t.Errorf("probe as kubectl port-forward = %d, want 200", code)
	}
}

// HTTP/1.0 has requests without a Host.
func TestNoHostOnLoopback(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	s := startServing(t)
	conn, err := net.Dial("tcp", s.metrics)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET /config HTTP/1.0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("%d, want 403", response.StatusCode)
	}
}

// usersFile is a web configuration with the user a, whose password is "test".
const usersFile = "basic_auth_users:\n  a: $2b$12$hNf2lSsxfm0.i4a.1kVpSOVyBCfIB51VRjgBUyv6kdnyTlgWj81Ay\n"

// Where clients authenticate, or other hosts reach the listener, any Host will do. On the
// loopback interface the host of the external URL will, too.
func TestHostsElsewhere(t *testing.T) {
	users := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(users, []byte(usersFile), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		arg  string
		want int
	}{
		"beyond loopback":                  {"--web.listen-address=0.0.0.0:0", 200},
		"with a password":                  {"--web.config.file=" + users, http.StatusUnauthorized},
		"a reverse proxy":                  {"--web.external-url=https://Exporter.Example.com/", 200},
		"a reverse proxy for another host": {"--web.external-url=https://other.example.com/", http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			w := probetest.NewWorld(t)
			setTarget(t, w.Target)
			s := startServing(t, test.arg)
			if code := s.as("exporter.example.com:8443", "GET", s.metrics, "/api/v1/status"); code != test.want {
				t.Errorf("%d, want %d", code, test.want)
			}
		})
	}
}

// The listeners of systemd may be on any interface. What counts is where a connection arrived.
func TestHostsByConnection(t *testing.T) {
	for name, test := range map[string]struct {
		arrived net.Addr
		want    int
	}{
		"loopback":      {&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 10190}, http.StatusForbidden},
		"IPv6 loopback": {&net.TCPAddr{IP: net.IPv6loopback, Port: 10190}, http.StatusForbidden},
		"elsewhere":     {&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 10190}, 200},
		"unix":          {&net.UnixAddr{Name: "/run/exporter.sock", Net: "unix"}, 200},
		"not known":     {nil, http.StatusForbidden},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://evil.example/", nil)
		if test.arrived != nil {
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, test.arrived))
		}
		w := httptest.NewRecorder()
		requireLoopbackHost(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), "").ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("%s: %d, want %d", name, w.Code, test.want)
		}
	}
}

func TestHostsOfPprof(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	s := startServing(t, "--debug.listen-address=127.0.0.1:0")
	debug := s.address(debugAddress)
	if code := s.as("evil.example", "GET", debug, "/debug/pprof/heap"); code != http.StatusForbidden {
		t.Errorf("%d, want 403", code)
	}
	if code := s.as("localhost:10192", "GET", debug, "/debug/pprof/heap"); code != 200 {
		t.Errorf("%d, want 200", code)
	}
}

package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// The scraper and the kubelet get through while strangers hold connections, and the
// strangers' oldest ones are closed.
func TestStrangersLockNobodyOut(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	s := startServing(t, "--debug.listen-address=127.0.0.1:0")
	for _, test := range []struct {
		address, path string
		limit         int
	}{{s.metrics, "/metrics", maxPublicConnections}, {s.health, "/healthz", maxHealthConnections}, {s.address(debugAddress), "/debug/pprof/cmdline", maxDebugConnections}} {
		var held []net.Conn
		for range test.limit + 20 {
			conn, err := net.Dial("tcp", test.address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			held = append(held, conn)
		}
		if code, body := s.get(test.address, test.path); code != 200 {
			t.Errorf("%s with %d strangers: %d %s", test.path, len(held), code, body)
		}
		_ = held[0].SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := held[0].Read(make([]byte, 1)); err != io.EOF && !strings.Contains(fmt.Sprint(err), "reset") {
			t.Errorf("%s: the oldest of %d connections is open: %v", test.path, len(held), err)
		}
	}
}

// Clients that read nothing hold no turn, and no subscriber takes the place of a reader.
func TestClientsThatDoNotReadLockNobodyOut(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	s := startServing(t)
	refused := 0
	for i := range 200 {
		conn, err := net.Dial("tcp", s.metrics)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", []string{"/api/v1/events", "/metrics", "/api/v1/status", "/docs/reasons.md"}[i/100*(i%4)])
		if i < 100 {
			line, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(line, "503") {
				refused++
			}
		}
	}
	if refused != 100-64 {
		t.Errorf("%d of 100 subscribers were refused, want all but 64", refused)
	}
	for _, path := range []string{"/metrics", "/api/v1/status", "/", "/config", "/-/healthy"} {
		if code, body := s.get(s.metrics, path); code != 200 {
			t.Errorf("%s = %d %.200s", path, code, body)
		}
	}
}

// fakeConns are connections of which only Close is used.
func fakeConns(t *testing.T, n int) []net.Conn {
	var all []net.Conn
	for range n {
		conn, other := net.Pipe()
		t.Cleanup(func() { _ = conn.Close(); _ = other.Close() })
		all = append(all, conn)
	}
	return all
}

func isClosed(conn net.Conn) bool { return conn.SetDeadline(time.Time{}) != nil }

func TestWhichConnectionIsClosed(t *testing.T) {
	for name, test := range map[string]struct {
		use    func(c *connections, conns []net.Conn) // with three open, the third the newest
		closed int                                    // by a fourth; -1 for none
	}{
		"the oldest":                        {func(*connections, []net.Conn) {}, 0},
		"idle, not in use":                  {func(c *connections, conns []net.Conn) { c.begin(conns[0]) }, 1},
		"idle for longest, not open so":     {func(c *connections, conns []net.Conn) { c.begin(conns[0]); c.end(conns[0]) }, 1},
		"in use for longest if all are":     {func(c *connections, conns []net.Conn) { c.begin(conns[1]); c.begin(conns[2]); c.begin(conns[0]) }, 1},
		"none if one has closed meanwhile":  {func(c *connections, conns []net.Conn) { c.begin(conns[1]); c.remove(conns[1]) }, -1},
		"a connection with two requests is": {func(c *connections, conns []net.Conn) { c.begin(conns[0]); c.begin(conns[0]); c.end(conns[0]) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			c, conns := &connections{limit: 3, open: map[net.Conn]*connection{}}, fakeConns(t, 4)
			for _, conn := range conns[:3] {
				c.add(conn)
			}
			test.use(c, conns)
			c.add(conns[3])
			for i, conn := range conns {
				if isClosed(conn) != (i == test.closed) {
					t.Errorf("connection %d: closed %t, want %d closed", i, isClosed(conn), test.closed)
				}
			}
		})
	}
}

// Several requests on one connection count each.
func TestRequestsAreLimitedToo(t *testing.T) {
	c, conns := &connections{limit: 3, open: map[net.Conn]*connection{}}, fakeConns(t, 2)
	for _, conn := range conns {
		c.add(conn)
		c.begin(conn)
		c.begin(conn)
	}
	if !isClosed(conns[0]) || isClosed(conns[1]) || c.serving != 2 {
		t.Errorf("closed: %t, %t, with %d requests; want the first closed and 2 requests left", isClosed(conns[0]), isClosed(conns[1]), c.serving)
	}
	c.end(conns[0])
	c.end(conns[0])
	if c.serving != 2 {
		t.Errorf("%d requests, want 2: those of a closed connection were counted twice", c.serving)
	}
}

// A client that does not answer TLS delays no other.
func TestConnectionsWithTLSAreLimited(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.Config = newServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }), 2, slog.New(slog.DiscardHandler))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	for range 20 {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	response, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 200 || response.ProtoMajor != 2 {
		t.Errorf("%s %d", response.Proto, response.StatusCode)
	}
}

// pipes is a listener in memory, whose connections have deadlines in a bubble's time.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	conn, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.conns) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

func TestDeadlines(t *testing.T) {
	target := probe.TargetState{Target: evidence.Target{Name: "a", Timeout: 30 * time.Second}}
	page := status.New(status.Options{
		TargetStates: func() []probe.TargetState { return []probe.TargetState{target} },
		RunNow:       func(string) (<-chan struct{}, bool) { return nil, true }, // never ends
	})
	mux := http.NewServeMux()
	mux.Handle("/", page)
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) })
	for name, test := range map[string]struct {
		request string
		read    bool
		want    time.Duration // until the connection is closed
	}{
		"no header":             {"", true, readHeaderTimeout},
		"half a header":         {"GET / HTTP/1.1\r\nHost: a\r\n", true, readHeaderTimeout},
		"no body":               {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", true, requestTimeout},
		"an unread response":    {"GET /large HTTP/1.1\r\nHost: a\r\n\r\n", false, requestTimeout},
		"an unread stream":      {"GET /api/v1/events HTTP/1.1\r\nHost: a\r\n\r\n", false, 10 * time.Second},
		"no further request":    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true, idleTimeout},
		"a requested run":       {"POST /api/v1/probe/a HTTP/1.1\r\nHost: a\r\n\r\n", true, 2*(30*time.Second+evidence.Overrun) + idleTimeout},
		"a stream that is read": {"GET /api/v1/events HTTP/1.1\r\nHost: a\r\n\r\n", true, 15*time.Minute + idleTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				listener := &pipes{conns: make(chan net.Conn)}
				s := newServer(mux, 4, slog.New(slog.DiscardHandler))
				closed := make(chan time.Time, 1)
				state := s.ConnState
				s.ConnState = func(conn net.Conn, now http.ConnState) {
					state(conn, now)
					if now == http.StateClosed {
						closed <- time.Now()
					}
				}
				go func() { _ = s.Serve(listener) }()
				start, conn := time.Now(), listener.dial()
				defer conn.Close()
				_, _ = io.WriteString(conn, test.request)
				if test.read {
					go func() { _, _ = io.Copy(io.Discard, conn) }()
				}
				if took := (<-closed).Sub(start); took < test.want || took > test.want+time.Second {
					t.Errorf("the connection was closed after %v, want %v", took, test.want)
				}
				_ = s.Close()
			})
		})
	}
}

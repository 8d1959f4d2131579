package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The limits of docs/performance.md, in a process of its own: what strangers do to any listener locks
// out neither the scraper nor the kubelet, and takes no more descriptors than they allow.

// descriptors is how many the process has open.
func (l *loaded) descriptors() int {
	l.b.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", l.pid))
	if err != nil {
		l.b.Fatal(err)
	}
	return len(entries)
}

// served fails the test if one of the listeners does not answer soon.
func (l *loaded) served(when string) {
	l.b.Helper()
	for _, of := range []struct{ address, path string }{{l.metrics, "/metrics"}, {l.health, "/healthz"}, {l.debug, "/debug/pprof/cmdline"}} {
		start := time.Now()
		code := statusOf(l.b, of.address, "GET "+of.path+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		if took := time.Since(start); code != http.StatusOK || took > 5*time.Second {
			l.b.Errorf("%s = %d after %v %s", of.path, code, took, when)
		}
	}
}

func TestTenThousandConnections(t *testing.T) {
	const connections = 10_000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < connections+1000 {
		t.Skipf("%d connections need as many descriptors, and this process may have %d", connections, limit.Cur)
	}
	l := startLoaded(t, 10)
	const most = maxPublicConnections + maxHealthConnections + maxDebugConnections + 64 // what the process has open itself
	for listener, address := range map[string]string{"metrics": l.metrics, "health": l.health, "debug": l.debug} {
		start := time.Now()
		l.connectTo(address, connections)
		l.served(fmt.Sprintf("with %d connections to %s", connections, listener))
		if got := l.descriptors(); got > most {
			t.Errorf("with %d connections to %s %d descriptors are open, want at most %d", connections, listener, got, most)
		}
		t.Logf("%s: %d connections in %v, %d descriptors, %.0f MiB", listener, connections, time.Since(start).Round(time.Millisecond), l.descriptors(), l.status("VmRSS"))
		l.release()
	}
}

// connectTo opens connections to one listener and sends nothing. One that is closed in the handshake
// counts.
func (l *loaded) connectTo(address string, n int) {
	l.b.Helper()
	for i := range n {
		conn, err := net.DialTimeout("tcp", address, 5*time.Second)
		if err != nil {
			l.b.Fatalf("connection %d: %v", i, err)
		}
		l.held = append(l.held, conn)
	}
}

// Clients that send a byte a second are closed after readHeaderTimeout, as TestDeadlines shows; until
// then they lock nobody out, at any listener.
func TestSlowClients(t *testing.T) {
	l := startLoaded(t, 10)
	for _, address := range []string{l.metrics, l.health, l.debug} {
		l.connectTo(address, maxPublicConnections+50)
		for _, conn := range l.held {
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: local")
		}
		l.served("with clients that never end their headers")
		l.release()
	}
}

func TestHugeHeaders(t *testing.T) {
	l := startLoaded(t, 1)
	for _, of := range []struct{ address, path string }{{l.metrics, "/metrics"}, {l.health, "/healthz"}, {l.debug, "/debug/pprof/cmdline"}} {
		for size, want := range map[int]int{8 << 10: http.StatusOK, 64 << 10: http.StatusRequestHeaderFieldsTooLarge} {
			for name, request := range map[string]string{
				"one header":   "GET " + of.path + " HTTP/1.1\r\nHost: localhost\r\nX-Long: " + strings.Repeat("a", size) + "\r\n\r\n",
				"many headers": "GET " + of.path + " HTTP/1.1\r\nHost: localhost\r\n" + strings.Repeat("X: a\r\n", size/6) + "\r\n",
				"the path":     "GET " + of.path + "?" + strings.Repeat("a", size) + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
			} {
				if got := statusOf(t, of.address, request); got != want {
					t.Errorf("%s: %s of %d bytes = %d, want %d", of.path, name, size, got, want)
				}
			}
		}
	}
	// What never ends is cut off long before it takes memory.
	for _, address := range []string{l.metrics, l.health, l.debug} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		chunk, written := strings.Repeat("a", 1<<20), 0
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nX: ")
		for range 64 {
			n, err := io.WriteString(conn, chunk)
			written += n
			if err != nil {
				break
			}
		}
		if written == 64<<20 {
			t.Errorf("a header of 64 MiB was read at %s", address)
		}
		_ = conn.Close()
	}
}

// statusOf sends a request and returns the status of its answer.
func statusOf(t testing.TB, address, request string) (status int) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	go func() { _, _ = io.WriteString(conn, request) }() // the server may close before all is sent
	_, _ = fmt.Fscanf(conn, "HTTP/1.1 %d", &status)
	return status
}

// 200 clients subscribe to events and read none, and 50 scrape 1 000 targets at once: each scrape is
// answered. BenchmarkWorstCase measures the memory.
func TestScrapersBesideSubscribers(t *testing.T) {
	l := startLoaded(t, 1000, loadRuns+"=2")
	l.ignore("/api/v1/events", 200)
	var scraping sync.WaitGroup
	codes := make([]int, 50)
	start := time.Now()
	for i := range codes {
		scraping.Go(func() {
			codes[i] = statusOf(t, l.metrics, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n")
		})
	}
	scraping.Wait()
	refused := 0
	for _, code := range codes {
		switch code {
		case http.StatusOK:
		case http.StatusServiceUnavailable:
			refused++
		default:
			t.Errorf("a scrape = %d", code)
		}
	}
	if refused > 0 {
		t.Errorf("%d of %d scrapes were refused", refused, len(codes))
	}
	l.served("with 200 subscribers")
	t.Logf("%d scrapes of 1 000 targets in %v, %.0f MiB at most", len(codes), time.Since(start).Round(time.Millisecond), l.status("VmHWM"))
}

// A process that strangers leave no descriptor answers again when it has one.
func TestDescriptorsUsedUp(t *testing.T) {
	l := startLoaded(t, 1, loadDescriptors+"=100")
	l.connectTo(l.metrics, 200)
	l.connectTo(l.health, 50)
	l.release()
	l.served("after its descriptors were used up")
}

package lab

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestProxyForwards(t *testing.T) {
	p := proxyToEcho(t)
	wantEcho(t, dial(t, p))
}

func TestProxyClosesConnectionsAndKeepsListening(t *testing.T) {
	p := proxyToEcho(t)
	conn := dial(t, p)
	wantEcho(t, conn)
	p.closeConnections()
	wantClosed(t, conn)
	wantEcho(t, dial(t, p))
}

func TestProxyClosesAConnectionInTheMiddleOfAResponse(t *testing.T) {
	p := proxyToEcho(t)
	p.responseLimit.Store(3)
	conn := dial(t, p)
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); string(got) != "hel" {
		t.Errorf("received %q, %v", got, err)
	}
	p.responseLimit.Store(0)
	wantEcho(t, dial(t, p))
}

func TestProxyRefusesAndListensAgainOnItsAddress(t *testing.T) {
	p := proxyToEcho(t)
	conn := dial(t, p)
	wantEcho(t, conn)
	address := p.address
	for range 3 { // a fault can be injected and healed repeatedly
		if err := errors.Join(p.refuse(), p.refuse()); err != nil {
			t.Fatal(err)
		}
		wantClosed(t, conn)
		if _, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("dialling gave %v, want connection refused", err)
		}
		if err := errors.Join(p.forward(), p.forward()); err != nil {
			t.Fatal(err)
		}
		conn = dial(t, p)
		wantEcho(t, conn)
	}
}

func TestProxyHangsUntilItForwards(t *testing.T) {
	p := proxyToEcho(t)
	before := dial(t, p)
	wantEcho(t, before)
	if err := p.hang(); err != nil {
		t.Fatal(err)
	}
	wantClosed(t, before)

	silent := dial(t, p)
	if _, err := silent.Write([]byte("hello?")); err != nil {
		t.Fatal(err)
	}
	_ = silent.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := silent.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("reading gave %v, want a timeout", err)
	}
	if err := p.forward(); err != nil {
		t.Fatal(err)
	}
	wantClosed(t, silent)
	wantEcho(t, dial(t, p))
}

func TestProxyWithoutBackendClosesTheConnection(t *testing.T) {
	nobody, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	wantClosed(t, dial(t, proxyTo(t, nobody)))
}

func TestProxyIsSafeForConcurrentUse(t *testing.T) {
	p := proxyToEcho(t)
	var using sync.WaitGroup
	for range 8 {
		using.Go(func() {
			for range 20 {
				if conn, err := net.Dial("tcp", p.address); err == nil {
					_, _ = conn.Write([]byte("x"))
					conn.Close()
				}
			}
		})
	}
	for range 20 {
		p.closeConnections()
		if err := errors.Join(p.refuse(), p.hang(), p.forward()); err != nil {
			t.Error(err)
		}
	}
	using.Wait()
	wantEcho(t, dial(t, p))
}

// proxyToEcho returns a proxy to a server that sends back what it receives.
func proxyToEcho(t *testing.T) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return proxyTo(t, l.Addr().String())
}

func proxyTo(t *testing.T, backend string) *proxy {
	t.Helper()
	p, err := newProxy(backend)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func dial(t *testing.T, p *proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

func wantEcho(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	echo := make([]byte, len("hello"))
	if _, err := io.ReadFull(conn, echo); err != nil || string(echo) != "hello" {
		t.Fatalf("received %q, %v", echo, err)
	}
}

func wantClosed(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d bytes, %v; want a closed connection", n, err)
	}
}

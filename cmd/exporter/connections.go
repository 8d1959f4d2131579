package main

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// socketBuffer limits what the kernel keeps of a response that a client does not read,
// which counts towards the container's memory limit. The kernel doubles it.
const socketBuffer = 64 << 10

// connections limits how many connections a server has open, and how many requests it
// serves at one time. One more closes another connection: the one that has been idle for
// the longest, or the one that has served for the longest if none is idle. So clients
// that hold connections lock nobody out.
type connections struct {
	limit int

	mu      sync.Mutex // guards what follows, and each connection
	open    map[net.Conn]*connection
	serving int // requests
}

type connection struct {
	serving int       // requests; HTTP/2 has several
	since   time.Time // when it was opened, began to serve, or became idle
}

// limitConnections limits the connections of a server, which has its handler.
func limitConnections(s *http.Server, limit int) {
	c := &connections{limit: limit, open: map[net.Conn]*connection{}}
	s.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		c.add(conn)
		return context.WithValue(ctx, connectionKey{}, conn)
	}
	s.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateClosed || state == http.StateHijacked {
			c.remove(conn)
		}
	}
	next := s.Handler
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _ := r.Context().Value(connectionKey{}).(net.Conn)
		c.begin(conn)
		defer c.end(conn)
		next.ServeHTTP(w, r)
	})
}

// connectionKey is the key of a request's connection in its context.
type connectionKey struct{}

func (c *connections) add(conn net.Conn) {
	if tcp, ok := withoutTLS(conn).(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(socketBuffer)
		_ = tcp.SetReadBuffer(socketBuffer)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[conn] = &connection{since: time.Now()}
	if len(c.open) > c.limit {
		c.closeOther(conn)
	}
}

func (c *connections) remove(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one := c.open[conn]; one != nil {
		c.serving -= one.serving
		delete(c.open, conn)
	}
}

func (c *connections) begin(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.open[conn]
	if one == nil {
		return
	}
	one.serving++
	c.serving++
	if one.serving == 1 {
		one.since = time.Now()
	}
	if c.serving > c.limit {
		c.closeOther(conn)
	}
}

func (c *connections) end(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.open[conn]
	if one == nil {
		return
	}
	one.serving--
	c.serving--
	if one.serving == 0 {
		one.since = time.Now()
	}
}

// closeOther closes the connection that can best be spared. It is called with the lock
// held.
func (c *connections) closeOther(than net.Conn) {
	var chosen net.Conn
	for conn, one := range c.open {
		if conn != than && (chosen == nil || one.sparedBefore(c.open[chosen])) {
			chosen = conn
		}
	}
	if chosen != nil {
		c.serving -= c.open[chosen].serving
		delete(c.open, chosen)
		_ = withoutTLS(chosen).Close()
	}
}

func (c *connection) sparedBefore(other *connection) bool {
	if (c.serving == 0) != (other.serving == 0) {
		return c.serving == 0
	}
	return c.since.Before(other.since)
}

// withoutTLS returns the connection below TLS. Closing that of TLS may wait for the client.
func withoutTLS(conn net.Conn) net.Conn {
	if encrypted, ok := conn.(interface{ NetConn() net.Conn }); ok {
		return encrypted.NetConn()
	}
	return conn
}

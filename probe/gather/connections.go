package gather

import (
	"context"
	"net"
	"slices"
	"sync"
)

// connections are those of one endpoint. net/http closes idle ones alone, and has lost others: one
// that stands only after its request was given up, or one whose server said over HTTP/2 that it
// takes no more requests.
type connections struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error) // nil dials directly

	mu    sync.Mutex // guards the fields below
	users int        // once it is 0, there are no connections
	open  []*connection
}

// connection leaves the list when it is closed.
type connection struct {
	net.Conn
	of *connections
}

// Close closes the connection. Later calls fail.
func (c *connection) Close() error {
	c.of.mu.Lock()
	c.of.open = slices.DeleteFunc(c.of.open, func(other *connection) bool { return other == c })
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// Dial makes a connection. It fails with net.ErrClosed if the last user left meanwhile.
func (s *connections) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	dial := s.dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	made, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users == 0 {
		_ = made.Close()
		return nil, net.ErrClosed
	}
	c := &connection{made, s}
	s.open = append(s.open, c)
	return c, nil
}

// use makes one more call of leave necessary.
func (s *connections) use() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users++
}

// leave reports whether that was the last user.
func (s *connections) leave() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users--
	return s.users == 0
}

// Close closes every connection.
func (s *connections) Close() {
	s.mu.Lock()
	open := s.open
	s.open = nil
	s.mu.Unlock()
	for _, c := range open {
		_ = c.Conn.Close()
	}
}

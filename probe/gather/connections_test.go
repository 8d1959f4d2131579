package gather

import (
	"context"
	"errors"
	"net"
	"testing"
)

// pipes dials connections whose other ends it keeps.
type pipes struct {
	dialled func() // is called before a connection stands
	ends    []net.Conn
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	if p.dialled != nil {
		p.dialled()
	}
	mine, theirs := net.Pipe()
	p.ends = append(p.ends, theirs)
	return mine, nil
}

// net/http has lost every connection here: it was never told of them.
func TestConnectionsEndWithTheirLastUser(t *testing.T) {
	var p pipes
	e, err := newEndpoint(tlsFiles{}, Network{Dial: p.dial})
	if err != nil {
		t.Fatal(err)
	}
	var made []net.Conn
	for range 3 {
		c, err := e.transport.DialContext(t.Context(), "tcp", "a server")
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, c)
	}
	e.hold()
	e.close()
	go made[1].Write([]byte("x"))
	if _, err := p.ends[1].Read(make([]byte, 1)); err != nil {
		t.Errorf("a connection ended while the endpoint was held: %v", err)
	}
	if err := made[0].Close(); err != nil {
		t.Error(err)
	}
	e.close()
	for i, end := range p.ends {
		if _, err := end.Read(make([]byte, 1)); err == nil {
			t.Errorf("connection %d is open", i)
		}
	}
}

func TestConnectionThatStandsTooLateIsClosed(t *testing.T) {
	var p pipes
	e, err := newEndpoint(tlsFiles{}, Network{Dial: p.dial})
	if err != nil {
		t.Fatal(err)
	}
	p.dialled = e.close
	if _, err := e.transport.DialContext(t.Context(), "tcp", "a server"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want that the endpoint is closed", err)
	}
	if _, err := p.ends[0].Read(make([]byte, 1)); err == nil {
		t.Error("the connection is open")
	}
}

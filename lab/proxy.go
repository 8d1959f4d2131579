package lab

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A proxy forwards TCP connections from one loopback address to a server of the lab. It can refuse connections, accept
// them and stay silent, or forward them to a fake server. Its address never changes.
type proxy struct {
	address string
	backend string
	serving sync.WaitGroup // the accept loop, the connections and the fake server
	// responseLimit is after how many bytes from the server a connection is closed. 0: no limit.
	responseLimit atomic.Int64

	mu          sync.Mutex // guards the fields below
	listener    net.Listener
	connections map[net.Conn]struct{} // both ends of every connection
	silent      bool
	fake        io.Closer // nil while the backend itself responds
	target      string    // the address that connections are forwarded to
}

// newProxy listens and forwards to backend.
func newProxy(backend string) (*proxy, error) {
	l, err := listen()
	if err != nil {
		return nil, err
	}
	p := &proxy{address: l.Addr().String(), backend: backend, target: backend, connections: map[net.Conn]struct{}{}}
	p.serve(l)
	return p, nil
}

func (p *proxy) port() string {
	_, port, _ := net.SplitHostPort(p.address)
	return port
}

// forward forwards to the backend again, whatever mode the proxy was in.
func (p *proxy) forward() error {
	return errors.Join(p.setTarget(p.backend, nil), p.ensureListening(false))
}

// forwardTo forwards to another server instead of the backend.
func (p *proxy) forwardTo(address string) error {
	return errors.Join(p.setTarget(address, nil), p.ensureListening(false))
}

// serveFake forwards to a new server with this handler. pair is its certificate and key in one PEM; nil means plain
// HTTP.
func (p *proxy) serveFake(handler http.Handler, pair []byte) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: discardLogger()}
	l, err := net.Listen("tcp", loopback(0))
	if err != nil {
		return err
	}
	serve := func() error { return server.Serve(l) }
	if pair != nil {
		certificate, err := tls.X509KeyPair(pair, pair)
		if err != nil {
			return errors.Join(fmt.Errorf("reading the certificate of a fake server: %w", err), l.Close())
		}
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
		serve = func() error { return server.ServeTLS(l, "", "") }
	}
	p.serving.Go(func() { _ = serve() })
	return errors.Join(p.setTarget(l.Addr().String(), server), p.ensureListening(false))
}

// setTarget stops the previous fake server, if any, and closes the open connections if the target changed.
func (p *proxy) setTarget(target string, impostor io.Closer) (err error) {
	p.mu.Lock()
	old, elsewhere := p.fake, p.target != target
	p.fake, p.target = impostor, target
	p.mu.Unlock()

	if elsewhere {
		p.closeConnections()
	}
	if old != nil {
		err = old.Close()
	}
	return err
}

// hang accepts connections and never sends anything on them. It closes the connections that are open.
func (p *proxy) hang() error {
	defer p.closeConnections()
	return p.ensureListening(true)
}

// refuse stops listening and closes the open connections, so that new ones are refused.
func (p *proxy) refuse() error {
	p.mu.Lock()
	l := p.listener
	p.listener = nil
	p.mu.Unlock()

	var err error
	if l != nil {
		err = l.Close()
	}
	p.closeConnections()
	return err
}

// closeConnections closes every open connection. The proxy keeps listening.
func (p *proxy) closeConnections() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.connections {
		_ = c.Close()
	}
}

// close stops the proxy and waits for its goroutines.
func (p *proxy) close() error {
	err := errors.Join(p.refuse(), p.setTarget(p.backend, nil))
	p.serving.Wait()
	return err
}

func (p *proxy) ensureListening(silent bool) error {
	p.mu.Lock()
	wasSilent, listening := p.silent, p.listener != nil
	p.silent = silent
	p.mu.Unlock()

	if wasSilent && !silent {
		p.closeConnections() // they were accepted silently and would stay silent
	}
	if listening {
		return nil
	}
	l, err := net.Listen("tcp", p.address)
	if err != nil {
		return err
	}
	p.serve(l)
	return nil
}

func (p *proxy) serve(l net.Listener) {
	p.mu.Lock()
	p.listener = l
	p.mu.Unlock()

	p.serving.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			p.serving.Go(func() { p.handle(l, client) })
		}
	})
}

func (p *proxy) handle(l net.Listener, client net.Conn) {
	defer p.unregister(client)
	target, ok := p.register(l, client)
	if !ok {
		return
	}
	if target == "" {
		_, _ = io.Copy(io.Discard, client)
		return
	}
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer p.unregister(server)
	if now, ok := p.register(l, server); !ok || now != target {
		return
	}
	pipe(client, server, p.responseLimit.Load())
}

// register adds c to the connections that closeConnections closes, and returns the target, which is empty while the
// proxy hangs. ok is false if the listener that accepted the connection was closed in the meantime.
func (p *proxy) register(l net.Listener, c net.Conn) (target string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connections[c] = struct{}{}
	if p.silent {
		return "", p.listener == l
	}
	return p.target, p.listener == l
}

func (p *proxy) unregister(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.connections, c)
}

// pipe copies in both directions until either end is closed, or the server has sent limit bytes. 0: no limit.
func pipe(client, server net.Conn, limit int64) {
	var response io.Reader = server
	if limit > 0 {
		response = io.LimitReader(server, limit)
	}
	forward := func(to io.Writer, from io.Reader) {
		_, _ = io.Copy(to, from)
		_ = client.Close()
		_ = server.Close()
	}
	var copying sync.WaitGroup
	copying.Go(func() { forward(client, response) })
	copying.Go(func() { forward(server, client) })
	copying.Wait()
}

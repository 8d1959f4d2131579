package lab

import (
	"io"
	"net"
	"sync"
)

// A proxy forwards TCP connections from one loopback address to a server of the lab and fails below TLS when it is told
// to. It keeps its address for life.
type proxy struct {
	address string
	backend string
	serving sync.WaitGroup // the accept loop and the connections

	mu       sync.Mutex // guards what follows
	listener net.Listener
	open     map[net.Conn]struct{} // both ends of every connection
	silent   bool
}

// newProxy returns a proxy that forwards to backend.
func newProxy(backend string) (*proxy, error) {
	l, err := listen()
	if err != nil {
		return nil, err
	}
	p := &proxy{address: l.Addr().String(), backend: backend, open: map[net.Conn]struct{}{}}
	p.serve(l)
	return p, nil
}

// forward makes the proxy healthy again, whatever it did before.
func (p *proxy) forward() error { return p.accept(false) }

// hang accepts connections and never says a word on them. Those that are open are cut.
func (p *proxy) hang() error {
	defer p.cut()
	return p.accept(true)
}

// refuse stops listening and cuts what is open: the next connection is refused.
func (p *proxy) refuse() error {
	p.mu.Lock()
	l := p.listener
	p.listener = nil
	p.mu.Unlock()

	var err error
	if l != nil {
		err = l.Close()
	}
	p.cut()
	return err
}

// cut closes every open connection and goes on listening.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		_ = c.Close()
	}
}

// close ends the proxy and waits for its goroutines.
func (p *proxy) close() error {
	err := p.refuse()
	p.serving.Wait()
	return err
}

func (p *proxy) accept(silent bool) error {
	p.mu.Lock()
	wasSilent, listening := p.silent, p.listener != nil
	p.silent = silent
	p.mu.Unlock()

	if wasSilent && !silent {
		p.cut() // a silent connection would stay silent
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
	defer p.forget(client)
	if silent, ok := p.remember(l, client); !ok {
		return
	} else if silent {
		_, _ = io.Copy(io.Discard, client)
		return
	}
	server, err := net.Dial("tcp", p.backend)
	if err != nil {
		return
	}
	defer p.forget(server)
	if _, ok := p.remember(l, server); !ok {
		return
	}
	pipe(client, server)
}

// remember makes c one that cut closes. It is not ok when the listener that brought the connection was closed meanwhile.
func (p *proxy) remember(l net.Listener, c net.Conn) (silent, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[c] = struct{}{}
	return p.silent, p.listener == l
}

func (p *proxy) forget(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
}

// pipe copies both ways until either end is closed.
func pipe(a, b net.Conn) {
	var copying sync.WaitGroup
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		copying.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].Close()
			_ = way[1].Close()
		})
	}
	copying.Wait()
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
)

const (
	// shutdownTimeout is how long requests in progress may take when all else has ended.
	shutdownTimeout = 500 * time.Millisecond
	// readHeaderTimeout is how long a client may take to send the header of a request,
	// and its part of the TLS handshake.
	readHeaderTimeout = 10 * time.Second
	// requestTimeout is how long a request may take in all, the reading of its response
	// included. Event streams and requested runs extend it.
	requestTimeout = 30 * time.Second
	// idleTimeout is longer than the usual scrape interval, so that scrapes use one
	// connection.
	idleTimeout = 2 * time.Minute
	// maxHeaderBytes limits the header of a request.
	maxHeaderBytes = 16 << 10
	// maxStreamsPerConnection limits the requests in progress on one HTTP/2 connection.
	maxStreamsPerConnection = 16
)

// Limits of connections. See docs/performance.md for the memory that they take.
const (
	maxPublicConnections = 256
	maxHealthConnections = 64
	maxDebugConnections  = 16
)

// checkListeners checks the flags of the listeners. Whether an address can be listened on shows
// later.
func checkListeners(f flags) error {
	mistakes := []error{checkAddress("--health.listen-address", f.health)}
	if f.debug != "" {
		mistakes = append(mistakes, checkAddress("--debug.listen-address", f.debug))
	}
	if f.web.WebSystemdSocket == nil || !*f.web.WebSystemdSocket {
		for _, address := range *f.web.WebListenAddresses {
			mistakes = append(mistakes, checkAddress("--web.listen-address", address))
		}
	}
	if err := validateWebConfig(*f.web.WebConfigFile); err != nil {
		mistakes = append(mistakes, fmt.Errorf("--web.config.file: %w", err))
	}
	return errors.Join(mistakes...)
}

func checkAddress(flag, address string) error {
	if strings.HasPrefix(address, "vsock://") {
		return nil // the exporter-toolkit's
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("%s: %q is not an address; allowed: HOST:PORT or :PORT, such as 127.0.0.1:10190", flag, address)
	}
	return nil
}

// server serves one listener.
type server struct {
	name  string
	serve func() error
	http  *http.Server
}

// listen starts the servers. ended is called for each that ends; the error of one that
// fails is sent.
func listen(servers []server, ended func()) (failed <-chan error) {
	failures := make(chan error, len(servers))
	for _, s := range servers {
		go func() {
			if err := s.serve(); !errors.Is(err, http.ErrServerClosed) {
				failures <- fmt.Errorf("serving %s: %w", s.name, err)
			}
			ended()
		}()
	}
	return failures
}

func (s server) shutDown() {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
}

// servers returns the servers that the flags ask for.
func (e *exporter) servers(f flags) []server {
	public := newServer(e.publicHandler(), maxPublicConnections, e.logger)
	public.RegisterOnShutdown(e.page.Close)
	guardWebConfig(public, *f.web.WebConfigFile, e.logger)
	servers := []server{
		{"metrics", func() error { return web.ListenAndServe(public, f.web, e.logger) }, public},
		plainServer("health", f.health, newServer(healthRoutes(e.scheduler.Alive, e.ready), maxHealthConnections, e.logger), e.logger),
	}
	if f.debug != "" {
		routes := debugRoutes()
		if loopback(f.debug) {
			routes = requireLoopbackHost(routes, "")
		}
		servers = append(servers, plainServer("debug", f.debug, newServer(routes, maxDebugConnections, e.logger), e.logger))
	}
	return servers
}

// plainServer has no TLS and no authentication.
func plainServer(name, address string, s *http.Server, logger *slog.Logger) server {
	return server{name, func() error {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		logger.Info("Listening", "for", name, "address", listener.Addr().String())
		return s.Serve(listener)
	}, s}
}

func newServer(routes http.Handler, maxConnections int, logger *slog.Logger) *http.Server {
	s := &http.Server{
		Handler:           routes,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          serverLog(logger),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreamsPerConnection},
	}
	limitConnections(s, maxConnections)
	return s
}

func debugRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

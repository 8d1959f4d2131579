package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
)

// shutdownTimeout is how long requests in progress may take when all else has ended.
const shutdownTimeout = 500 * time.Millisecond

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

// servers returns the servers that the flags ask for. withPage says whether the public
// one has the status page.
func (e *exporter) servers(f flags, withPage bool) []server {
	public := newServer(e.publicRoutes(withPage), e.logger)
	public.RegisterOnShutdown(e.page.Close)
	servers := []server{
		{"metrics", func() error { return web.ListenAndServe(public, f.web, e.logger) }, public},
		plainServer("health", f.health, healthRoutes(e.scheduler.Alive, e.ready), e.logger),
	}
	if f.debug != "" {
		servers = append(servers, plainServer("debug", f.debug, debugRoutes(), e.logger))
	}
	return servers
}

// plainServer has no TLS and no authentication.
func plainServer(name, address string, routes http.Handler, logger *slog.Logger) server {
	s := newServer(routes, logger)
	return server{name, func() error {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		logger.Info("Listening", "for", name, "address", listener.Addr().String())
		return s.Serve(listener)
	}, s}
}

func newServer(routes http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{Handler: routes, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, ErrorLog: serverLog(logger)}
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

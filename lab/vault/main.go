// The vault command is the lab's Vault server: the real core, the real HTTP handler and the real Kubernetes auth plugin
// behind a TLS listener, with storage in memory, or in raft for a node of a cluster. The complete server does not build
// from the published modules. The lab needs only the auth method, another method to replace it, two audit devices, and
// the debug log, which is the only place where Vault says why a login was rejected.
//
// Vault's code is licensed under BUSL-1.1. This test bed is a module of its own: nothing of it is linked into the
// exporter or shipped with it.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

type options struct {
	listen, tls, log    string
	raft, node, cluster string
	http1, tls12        bool
}

func main() {
	var o options
	flag.StringVar(&o.listen, "listen", "127.0.0.1:8200", "address to serve the API on")
	flag.StringVar(&o.tls, "tls", "vault.pem", "PEM file of the serving certificate and its key, read anew for every handshake")
	flag.StringVar(&o.log, "log", "vault.log", "file that the debug log is appended to")
	flag.StringVar(&o.raft, "raft", "", "directory of the raft storage; without it, the storage is in memory")
	flag.StringVar(&o.node, "node", "", "id of this node of a raft cluster")
	flag.StringVar(&o.cluster, "cluster", "", "address that the nodes of a raft cluster use among themselves")
	flag.BoolVar(&o.http1, "http1", false, "do not offer HTTP/2")
	flag.BoolVar(&o.tls12, "tls12", false, "do not offer TLS 1.3")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(untilEOF(ctx, os.Stdin), o); err != nil {
		fmt.Fprintln(os.Stderr, "vault:", err)
		os.Exit(1)
	}
}

// untilEOF derives a context that also ends at the end of r. Standard input is a pipe that the lab holds open, so the
// server exits with the lab, even if that is killed by SIGKILL.
func untilEOF(ctx context.Context, r io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, r)
	}()
	return ctx
}

// run serves until ctx ends. It does not seal Vault, because no storage outlives the lab.
func run(ctx context.Context, o options) error {
	logs, err := os.OpenFile(o.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer logs.Close()

	core, err := newCore(logs, o)
	if err != nil {
		return fmt.Errorf("creating core: %w", err)
	}
	server := &http.Server{
		Addr:              o.listen,
		Handler:           newHandler(core, o.listen),
		TLSConfig:         o.tlsConfig(),
		Protocols:         o.protocols(),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(logs, "http: ", log.LstdFlags),
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServeTLS("", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving on %s: %w", o.listen, err)
	}
	return nil
}

func (o options) tlsConfig() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificateFrom(o.tls)}
	if o.tls12 {
		config.MaxVersion = tls.VersionTLS12
	}
	return config
}

func (o options) protocols() *http.Protocols {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(!o.http1)
	return protocols
}

// certificateFrom reads the file for every handshake, so that the lab can replace the certificate of a running server.
func certificateFrom(path string) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(path, path)
		return &pair, err
	}
}

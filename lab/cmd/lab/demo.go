package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

const (
	webPort    = "10190"
	healthPort = "10191"
)

// demo runs the lab and an exporter until ctx ends. It prints each change of the exporter's verdict and, with
// Prometheus, each notification of Alertmanager.
func demo(ctx context.Context, prometheus bool, stdout, stderr io.Writer) (err error) {
	binary, err := lab.BuildExporter(ctx, stderr)
	if err != nil {
		return err
	}
	l, err := lab.Start(ctx, lab.Options{Log: stderr, Control: true})
	if err != nil {
		return err
	}
	defer func() {
		fmt.Fprintln(stderr, "stopping the lab")
		err = errors.Join(err, l.Close())
	}()
	if err := writeEnv(l); err != nil {
		return err
	}
	web, err := freePort(webPort, stderr)
	if err != nil {
		return err
	}
	health, err := freePort(healthPort, stderr)
	if err != nil {
		return err
	}
	var servers *monitoringServers
	if prometheus {
		if servers, err = startMonitoring(ctx, web, stdout, stderr); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, servers.close()) }()
	}
	e := exporter{binary: binary, env: l.FullEnv(), web: web, health: health, log: filepath.Join(l.Dir(), "exporter.log"), out: stdout}
	return e.run(ctx, func() { summarize(stdout, e, servers) })
}

// freePort returns a loopback address with the wanted port, or with another one if that port is in use.
func freePort(wanted string, stderr io.Writer) (string, error) {
	address := net.JoinHostPort("127.0.0.1", wanted)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return "", err
		}
		fmt.Fprintf(stderr, "port %s is in use; listening on %s instead\n", wanted, listener.Addr())
	}
	return listener.Addr().String(), listener.Close()
}

func summarize(out io.Writer, e exporter, w *monitoringServers) {
	fmt.Fprintf(out, `
The exporter is probing a real Vault and a real Kubernetes API server every %s.

  metrics   http://%[2]s/metrics
  page      http://%[2]s/
  health    http://%[3]s/readyz
%[5]s
In a second terminal:

  make fault NAME=reviewer_forbidden      inject a fault; without NAME, list all faults
  make heal                               undo all injected faults
  (. .lab/current/%[4]s; .lab/bin/exporter check)

Each change of the verdict appears below. Ctrl-C stops the demo and removes its files.

`, interval, e.web, e.health, envFile, w)
}

// untilReady returns nil when url responds with 200, or the cause of the end of ctx.
func untilReady(ctx context.Context, url string) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !responds(ctx, url) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func responds(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

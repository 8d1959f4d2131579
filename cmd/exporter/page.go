package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"

	"github.com/prometheus/common/version"
	"go.yaml.in/yaml/v3"

	"vault-k8s-auth-exporter/internal/config"
	"vault-k8s-auth-exporter/internal/schedule"
	"vault-k8s-auth-exporter/internal/status"
	"vault-k8s-auth-exporter/metrics"
)

// newBoard returns the page of what the recorder knows.
func newBoard(recorder *metrics.Recorder, scheduler *schedule.Scheduler, settings config.Config) *status.Board {
	o := status.Options{Known: recorder.Known, Version: version.Version}
	if settings.ProbeAPI {
		o.RunNow = scheduler.RunNow
	}
	return status.New(o)
}

// pageOf returns the page where it is to be served, and nil where it is not.
func pageOf(board *status.Board, settings config.Config, protected bool) http.Handler {
	switch settings.StatusPage {
	case config.StatusOff:
		return nil
	case config.StatusOn:
		return board
	}
	if protected {
		return board
	}
	return nil
}

// protected reports whether who reads the page is known: the web configuration
// demands a password or a verified client certificate, or the listeners are of this
// machine alone. It is judged once, at start.
func protected(f flags) (bool, error) {
	if authenticates, err := authenticates(*f.web.WebConfigFile); err != nil || authenticates {
		return authenticates, err
	}
	if socket := f.web.WebSystemdSocket; socket != nil && *socket {
		return false, nil
	}
	return !slices.ContainsFunc(*f.web.WebListenAddresses, func(address string) bool { return !loopback(address) }), nil
}

// authenticates reads of the exporter-toolkit's file what lets nobody unknown in.
func authenticates(path string) (bool, error) {
	if path == "" {
		return false, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return false, fmt.Errorf("reading web configuration: %w", err)
	}
	var file struct {
		Users map[string]string `yaml:"basic_auth_users"`
		TLS   struct {
			ClientAuth string `yaml:"client_auth_type"`
		} `yaml:"tls_server_config"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		return false, fmt.Errorf("reading web configuration %q: it is no YAML", path) // the text may hold hashes
	}
	return len(file.Users) > 0 || file.TLS.ClientAuth == "RequireAndVerifyClientCert", nil
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// configPage shows the resolved configuration, in which no value is a secret.
func configPage(write func(io.Writer) error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		_ = write(w) // the client is gone
	}
}

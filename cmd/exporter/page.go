package main

import (
	"net"
	"net/http"
	"net/netip"
	"slices"

	"github.com/prometheus/common/version"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/docs"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
)

// newPage returns the status page of this process.
func (e *exporter) newPage(probeAPI bool) *status.Server {
	o := status.Options{TargetStates: e.recorder.TargetStates, Standby: e.standby, Runbook: docs.Reasons, Version: version.Version}
	if probeAPI {
		o.RunNow = e.scheduler.RunNow
	}
	return status.New(o)
}

// standby returns who holds the lease while this process is on standby, else "".
func (e *exporter) standby() string {
	if e.candidate == nil || !e.candidate.StandsBy() {
		return ""
	}
	return e.candidate.Holder()
}

// servesPage reports whether the status page and its API are served.
func servesPage(f flags, setting config.StatusPage) (bool, error) {
	if setting == config.StatusAuto {
		return protected(f)
	}
	return setting == config.StatusOn, nil
}

// protected reports whether strangers cannot read the page: the web configuration
// requires a password or a verified client certificate, or all listen addresses are on
// the loopback interface.
func protected(f flags) (bool, error) {
	if c, err := readWebConfig(*f.web.WebConfigFile); err != nil || c.authenticates() {
		return err == nil, err
	}
	if socket := f.web.WebSystemdSocket; socket != nil && *socket {
		return false, nil
	}
	return !slices.ContainsFunc(*f.web.WebListenAddresses, func(address string) bool { return !loopback(address) }), nil
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// serveConfig serves the resolved configuration. It contains no secrets.
func (e *exporter) serveConfig(w http.ResponseWriter, _ *http.Request) {
	e.mu.Lock()
	settings := e.settings
	e.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	_ = settings.Write(w) // fails only if the client is gone
}

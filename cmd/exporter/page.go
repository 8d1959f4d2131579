package main

import (
	"net/http"
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

// audience is who may read the status page and its API.
type audience int

const (
	// nobody: the page is not served.
	nobody audience = iota
	// local: every listen address is on the loopback interface, which stands in for
	// authentication.
	local
	// everybody who reaches the port and authenticates, if clients must.
	everybody
)

// audienceOf returns who may read the status page. With the setting auto, strangers may
// not: the web configuration requires a password or a verified client certificate, or
// all listen addresses are on the loopback interface.
func audienceOf(f flags, setting config.StatusPage) (audience, error) {
	switch setting {
	case config.StatusOn:
		return everybody, nil
	case config.StatusOff:
		return nobody, nil
	}
	if c, err := readWebConfig(*f.web.WebConfigFile); err != nil {
		return nobody, err
	} else if c.authenticates() {
		return everybody, nil
	}
	socket := f.web.WebSystemdSocket
	if socket != nil && *socket || slices.ContainsFunc(*f.web.WebListenAddresses, func(address string) bool { return !loopback(address) }) {
		return nobody, nil
	}
	return local, nil
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

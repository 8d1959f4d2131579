package main

import (
	"net/http"

	"github.com/prometheus/common/version"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/docs"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
)

// newPage returns the status page of this process.
func (e *exporter) newPage() *status.Server {
	o := status.Options{
		TargetStates: e.recorder.TargetStates, Incidents: e.incidents.history, Maintenance: e.maintenance, Standby: e.standby, Version: version.Version,
		Reasons: docs.Reasons, Warnings: docs.Warnings, Links: e.site.links, ProbeOff: e.site.probeOff,
	}
	if e.workloads != nil {
		o.Workloads = e.workloads.Snapshot
	}
	if e.site.probeOff == "" {
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

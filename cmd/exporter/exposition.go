package main

import (
	"io"

	"github.com/prometheus/common/expfmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/maintenance"
)

// writeExposition returns what writes the gauges of these runs in Prometheus' text format, for the textfile
// collector of node_exporter.
func writeExposition(planned map[string]maintenance.Windows) func(io.Writer, []probe.Result) error {
	return func(w io.Writer, results []probe.Result) error { return exposition(w, planned, results) }
}

func exposition(w io.Writer, planned map[string]maintenance.Windows, results []probe.Result) error {
	targets := make([]evidence.Target, 0, len(results))
	for _, r := range results {
		targets = append(targets, r.Target)
	}
	recorder := metrics.New(targets)
	recorder.SetMaintenance(planned)
	for _, r := range results {
		recorder.Record(&r)
	}
	families, err := recorder.Gauges()
	if err != nil {
		return err
	}
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(w, family); err != nil {
			return err
		}
	}
	return nil
}

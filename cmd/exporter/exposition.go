package main

import (
	"io"

	"github.com/prometheus/common/expfmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// writeExposition writes the gauges of these runs in Prometheus' text format, for the textfile
// collector of node_exporter.
func writeExposition(w io.Writer, results []probe.Result) error {
	targets := make([]evidence.Target, 0, len(results))
	for _, r := range results {
		targets = append(targets, r.Target)
	}
	recorder := metrics.New(targets)
	for _, r := range results {
		recorder.Record(r)
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

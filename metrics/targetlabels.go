package metrics

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// targetLabels renders target_labels for all targets at once, since all its samples must
// have the same label names: those that any target has. A label that a target does not
// have is empty, which means absent to Prometheus. They are not on target_info, whose label
// names are thus the same everywhere, so that rules can join on it.
func targetLabels(targets []evidence.Target) []prometheus.Metric {
	used := map[string]bool{}
	for _, t := range targets {
		for name := range t.Labels {
			used[name] = true
		}
	}
	names := slices.Sorted(maps.Keys(used))
	var labels []string
	for _, name := range names {
		labels = append(labels, "label_"+name)
	}
	desc := describe("target_labels", "Always 1: the labels of the target in the targets file.", labels...)
	metrics := make([]prometheus.Metric, 0, len(targets))
	for _, t := range targets {
		var values []string
		for _, name := range names {
			values = append(values, t.Labels[name])
		}
		metrics = append(metrics, newMetric(desc, 1, t.Name, values))
	}
	return metrics
}

// labelCollector describes no metrics: the labels depend on the configuration, which may
// change.
type labelCollector struct{ labels func() []prometheus.Metric }

func (labelCollector) Describe(chan<- *prometheus.Desc) {}

func (c labelCollector) Collect(metrics chan<- prometheus.Metric) {
	for _, m := range c.labels() {
		metrics <- m
	}
}

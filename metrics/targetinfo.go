package metrics

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// targetInfos renders target_info for all targets at once, since all its samples must
// have the same label names: those that any target has. A label that a target does not
// have is empty, which means absent to Prometheus.
func targetInfos(targets []evidence.Target) []prometheus.Metric {
	used := map[string]bool{}
	for _, t := range targets {
		for name := range t.Labels {
			used[name] = true
		}
	}
	names := slices.Sorted(maps.Keys(used))
	labels := []string{"vault_addr", "vault_namespace", "mount", "role", "kubernetes_host", "reviewer"}
	for _, name := range names {
		labels = append(labels, "label_"+name)
	}
	desc := describe("target_info", "Always 1: the configuration of the target, and its labels.", labels...)
	metrics := make([]prometheus.Metric, 0, len(targets))
	for _, t := range targets {
		values := []string{t.Vault.Addr, t.Vault.Namespace, t.Vault.Mount, t.Vault.Role, t.Kubernetes.Host, string(t.Reviewer.Source)}
		for _, name := range names {
			values = append(values, t.Labels[name])
		}
		metrics = append(metrics, newMetric(desc, 1, t.Name, values))
	}
	return metrics
}

// infoCollector describes no metrics: the labels depend on the configuration, which may
// change.
type infoCollector struct{ infos func() []prometheus.Metric }

func (infoCollector) Describe(chan<- *prometheus.Desc) {}

func (c infoCollector) Collect(metrics chan<- prometheus.Metric) {
	for _, info := range c.infos() {
		metrics <- info
	}
}

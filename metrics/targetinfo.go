package metrics

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// infos renders target_info for all targets at once, since they all have the same
// names of labels: those that any of them was given. A label that a target was not
// given is empty, which to Prometheus is absent.
func infos(targets []evidence.Target) []prometheus.Metric {
	given := map[string]bool{}
	for _, t := range targets {
		for name := range t.Labels {
			given[name] = true
		}
	}
	names := slices.Sorted(maps.Keys(given))
	labels := []string{"vault_addr", "vault_namespace", "mount", "role", "kubernetes_host", "reviewer"}
	for _, name := range names {
		labels = append(labels, "label_"+name)
	}
	desc := describe("target_info", "Always 1: where the target looks, from the configuration alone.", labels...)
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

// infoCollector describes nothing in advance: the configuration says which labels
// there are, and may change.
type infoCollector struct{ infos func() []prometheus.Metric }

func (infoCollector) Describe(chan<- *prometheus.Desc) {}

func (c infoCollector) Collect(samples chan<- prometheus.Metric) {
	for _, info := range c.infos() {
		samples <- info
	}
}

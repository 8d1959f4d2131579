package metrics_test

import (
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The labels of the targets file are on target_labels alone, and go with a reload.
func TestTargetLabels(t *testing.T) {
	labelled := func(name string, labels map[string]string) evidence.Target {
		t := target(name)
		t.Labels = labels
		return t
	}
	rec := metrics.New([]evidence.Target{
		labelled("a", map[string]string{"team": "payments", "tier": "1"}), labelled("b", map[string]string{"region": "eu"}), target("c"),
	})
	rec.Record(new(healthy(labelled("a", map[string]string{"team": "payments", "tier": "1"}))))
	expect(t, rec, `
		target_labels{label_region="",label_team="",label_tier="",target="c"} 1
		target_labels{label_region="",label_team="payments",label_tier="1",target="a"} 1
		target_labels{label_region="eu",label_team="",label_tier="",target="b"} 1
	`, "target_labels")
	expect(t, rec, `
		target_info{kubernetes_host="https://10.0.0.1:6443",mount="kubernetes",reviewer="file",role="canary",target="a",vault_addr="https://vault.example.com:8200",vault_namespace="team"} 1
		target_info{kubernetes_host="https://10.0.0.1:6443",mount="kubernetes",reviewer="file",role="canary",target="b",vault_addr="https://vault.example.com:8200",vault_namespace="team"} 1
		target_info{kubernetes_host="https://10.0.0.1:6443",mount="kubernetes",reviewer="file",role="canary",target="c",vault_addr="https://vault.example.com:8200",vault_namespace="team"} 1
	`, "target_info")
	expect(t, rec, `up{target="a"} 1`, "up")

	rec.SetTargets([]evidence.Target{target("c")})
	expect(t, rec, `target_labels{target="c"} 1`, "target_labels")
}

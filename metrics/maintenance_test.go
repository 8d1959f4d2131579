package metrics_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/maintenance"
)

// The metric follows the clock, not the runs, and is absent where nothing is planned. Runs in a
// maintenance do not count for the error budget.
func TestMaintenance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		windows := maintenance.Windows{{Begin: now.Add(time.Minute), End: now.Add(2 * time.Minute)}}
		rec := metrics.New([]evidence.Target{target("a"), target("b")})
		rec.SetMaintenance(map[string]maintenance.Windows{"a": windows})
		for _, want := range []string{"0", "1", "0"} {
			expect(t, rec, `target_maintenance{target="a"} `+want, "target_maintenance")
			r := forbidden(target("a"))
			r.Maintenance = windows.At(time.Now())
			rec.Record(&r)
			time.Sleep(time.Minute)
		}
		expect(t, rec, `
			probes_total{target="a"} 2
			probes_total{target="b"} 0
			probe_failure_reasons_total{component="reviewer",reason="reviewer_forbidden",target="a"} 2`, "probes_total", "probe_failure_reasons_total")
		rec.SetMaintenance(nil)
		expect(t, rec, "", "target_maintenance")
	})
}

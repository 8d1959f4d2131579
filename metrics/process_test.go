package metrics_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
)

func TestReloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := []string{"exporter_config_hash", "exporter_config_last_reload_successful", "exporter_config_last_reload_success_timestamp_seconds"}
		rec := metrics.New(nil)
		rec.Reloaded(7)
		good := `
			exporter_config_hash 7
			exporter_config_last_reload_success_timestamp_seconds 9.466848e+08
			exporter_config_last_reload_successful `
		expect(t, rec, good+"1", names...)
		time.Sleep(time.Hour)
		rec.ReloadFailed()
		expect(t, rec, good+"0", names...)
		rec.Reloaded(8)
		expect(t, rec, `
			exporter_config_hash 8
			exporter_config_last_reload_success_timestamp_seconds 9.466884e+08
			exporter_config_last_reload_successful 1`, names...)
	})
}

func TestLease(t *testing.T) {
	rec, held := metrics.New(nil), false
	expect(t, rec, "", "exporter_leader", "exporter_lease_renew_failures_total")
	countFailure := rec.Lease("monitoring/exporter", func() bool { return held })
	expect(t, rec, `
		exporter_leader{lease="monitoring/exporter"} 0
		exporter_lease_renew_failures_total{lease="monitoring/exporter"} 0`, "exporter_leader", "exporter_lease_renew_failures_total")
	held = true
	countFailure()
	expect(t, rec, `
		exporter_leader{lease="monitoring/exporter"} 1
		exporter_lease_renew_failures_total{lease="monitoring/exporter"} 1`, "exporter_leader", "exporter_lease_renew_failures_total")
}

func TestShard(t *testing.T) {
	rec := metrics.New(nil)
	rec.Shard(2, 5)
	rec.Configured(7)
	expect(t, rec, `
		exporter_shard_info{shard="2",total="5"} 1
		exporter_targets{state="assigned"} 0
		exporter_targets{state="configured"} 7`, "exporter_shard_info", "exporter_targets")
}

package metrics_test

import (
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func TestCounters(t *testing.T) {
	rec := metrics.New([]evidence.Target{target("a")})
	rec.Record(new(healthy(target("a"))))
	rec.Record(new(forbidden(target("a"))))
	carried := forbidden(target("a"))
	carried.Evidence.FollowUps.Asked = nil
	rec.Record(&carried)
	rec.Skipped("a")
	expect(t, rec, `
		exporter_probes_skipped_total{target="a"} 1
		follow_ups_total{kind="call_probe",target="a"} 0
		follow_ups_total{kind="diagnostic_access",target="a"} 0
		follow_ups_total{kind="diagnostic_role",target="a"} 0
		follow_ups_total{kind="entity",target="a"} 0
		follow_ups_total{kind="mount_help",target="a"} 0
		follow_ups_total{kind="mount_probe",target="a"} 1
		follow_ups_total{kind="reviewer_review",target="a"} 0
		follow_ups_total{kind="role_probe",target="a"} 0
		probe_failure_reasons_total{component="reviewer",reason="reviewer_forbidden",target="a"} 2
		probes_total{target="a"} 3`,
		"probes_total", "follow_ups_total", "probe_failure_reasons_total", "exporter_probes_skipped_total")
	for _, line := range []string{
		`probe_failures_total{component="reviewer",target="a"} 2`, `probe_failures_total{component="vault",target="a"} 0`,
		`exporter_verdicts_total{reason="none"} 1`, `exporter_verdicts_total{reason="reviewer_forbidden"} 2`,
		`exporter_verdicts_total{reason="vault_sealed"} 0`, `exporter_probe_duration_seconds_count 3`,
	} {
		if !strings.Contains(samples(t, rec), line+"\n") {
			t.Errorf("missing: %s", line)
		}
	}
}

func TestTokenEvents(t *testing.T) {
	rec := metrics.New([]evidence.Target{target("a")})
	for event, times := range map[evidence.TokenEvent]int{
		evidence.IssuedService: 5, evidence.IssuedBatch: 4, evidence.Revoked: 3, evidence.RevokeFailed: 2, evidence.Unaccounted: 1,
	} {
		for range times {
			rec.CountToken("a", event)
		}
	}
	expect(t, rec, `
		token_revoke_failures_total{target="a"} 2
		tokens_issued_total{target="a",type="batch"} 4
		tokens_issued_total{target="a",type="service"} 5
		tokens_revoked_total{target="a"} 3
		tokens_unaccounted_total{target="a"} 1`, "tokens_issued_total", "tokens_revoked_total", "token_revoke_failures_total", "tokens_unaccounted_total")
}

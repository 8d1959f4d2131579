package metrics_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// isProcess reports whether a sample has no target.
func isProcess(line string) bool {
	return strings.HasPrefix(line, "exporter_") && !strings.HasPrefix(line, "exporter_probes_skipped_total")
}

// ofTargets renders everything that has a target.
func ofTargets(t testing.TB, rec *metrics.Recorder) string {
	t.Helper()
	var kept strings.Builder
	for line := range strings.Lines(samples(t, rec)) {
		if !isProcess(line) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func TestBeforeTheFirstRun(t *testing.T) {
	rec := metrics.New([]evidence.Target{target("a")})
	want := `exporter_probes_skipped_total{target="a"} 0
follow_ups_total{kind="call_probe",target="a"} 0
follow_ups_total{kind="diagnostic_access",target="a"} 0
follow_ups_total{kind="diagnostic_role",target="a"} 0
follow_ups_total{kind="entity",target="a"} 0
follow_ups_total{kind="mount_help",target="a"} 0
follow_ups_total{kind="mount_probe",target="a"} 0
follow_ups_total{kind="reviewer_review",target="a"} 0
follow_ups_total{kind="role_probe",target="a"} 0
probe_failures_total{component="canary",target="a"} 0
probe_failures_total{component="exporter",target="a"} 0
probe_failures_total{component="kubernetes",target="a"} 0
probe_failures_total{component="mount",target="a"} 0
probe_failures_total{component="reviewer",target="a"} 0
probe_failures_total{component="role",target="a"} 0
probe_failures_total{component="unknown",target="a"} 0
probe_failures_total{component="vault",target="a"} 0
probe_failures_total{component="vault_to_kubernetes",target="a"} 0
probes_total{target="a"} 0
target_info{kubernetes_host="https://10.0.0.1:6443",mount="kubernetes",reviewer="file",role="canary",target="a",vault_addr="https://vault.example.com:8200",vault_namespace="team"} 1
target_interval_seconds{target="a"} 60
target_labels{target="a"} 1
token_revoke_failures_total{target="a"} 0
tokens_issued_total{target="a",type="batch"} 0
tokens_issued_total{target="a",type="service"} 0
tokens_revoked_total{target="a"} 0
tokens_unaccounted_total{target="a"} 0
`
	if got := ofTargets(t, rec); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestTargetMetricsOutlastRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names := []string{
			"last_failure_info", "last_failure_timestamp_seconds", "last_probe_timestamp_seconds", "last_success_timestamp_seconds",
			"token_issued_timestamp_seconds", "token_expiry_timestamp_seconds", "server_info",
			"certificate_not_before_timestamp_seconds", "certificate_expiry_timestamp_seconds",
		}
		rec := metrics.New([]evidence.Target{target("a")})
		expect(t, rec, "", names...)
		rec.Record(new(forbidden(target("a"))))
		time.Sleep(1000 * time.Second)
		rec.Record(new(healthy(target("a"))))
		want := `
			certificate_expiry_timestamp_seconds{server="kubernetes",target="a"} 9.518698e+08
			certificate_expiry_timestamp_seconds{server="vault",target="a"} 9.535978e+08
			certificate_not_before_timestamp_seconds{server="kubernetes",target="a"} 9.440938e+08
			certificate_not_before_timestamp_seconds{server="vault",target="a"} 9.458218e+08
			last_failure_info{component="reviewer",reason="reviewer_forbidden",target="a"} 1
			last_failure_timestamp_seconds{target="a"} 9.466848e+08
			last_probe_timestamp_seconds{target="a"} 9.466858e+08
			last_success_timestamp_seconds{target="a"} 9.466858e+08
			server_info{server="vault",target="a",version="1.20.4+ent"} 1
			token_expiry_timestamp_seconds{target="a",token="canary"} 9.4668634e+08
			token_expiry_timestamp_seconds{target="a",token="reviewer"} 9.467722e+08
			token_expiry_timestamp_seconds{target="a",token="vault"} 9.4668586e+08
			token_issued_timestamp_seconds{target="a",token="canary"} 9.4668574e+08
			token_issued_timestamp_seconds{target="a",token="reviewer"} 9.465994e+08
			token_issued_timestamp_seconds{target="a",token="vault"} 9.466858e+08`
		expect(t, rec, want, names...)

		time.Sleep(1000 * time.Second)
		gone := healthy(target("a"))
		gone.Evidence = evidence.Evidence{
			At:               gone.Start,
			CanaryToken:      failed[evidence.Claims](evidence.ClassMissing, 0, "no such file"),
			ReviewerToken:    failed[evidence.Claims](evidence.ClassMissing, 0, "no such file"),
			Health:           failed[evidence.Health](evidence.ClassTLSUntrusted, 0, "unknown authority"),
			VaultCertificate: evidence.Certificate{NotBefore: gone.Start, NotAfter: gone.Start},
		}
		rec.Record(&gone)
		want = strings.ReplaceAll(want, `last_probe_timestamp_seconds{target="a"} 9.466858e+08`, `last_probe_timestamp_seconds{target="a"} 9.466868e+08`)
		want = strings.ReplaceAll(want, `last_success_timestamp_seconds{target="a"} 9.466858e+08`, `last_success_timestamp_seconds{target="a"} 9.466868e+08`)
		expect(t, rec, want, names...)
	})
}

func TestWhatNeverExpiresIsAbsent(t *testing.T) {
	rec := metrics.New([]evidence.Target{target("a")})
	rec.Record(new(healthy(target("a"))))
	r := healthy(target("a"))
	r.Evidence.ReviewerToken = answered(evidence.Claims{Opaque: true}, 0)
	r.Evidence.CanaryToken = answered(evidence.Claims{}, 0)
	r.Evidence.Login = answered(evidence.Login{Type: "service"}, 0)
	rec.Record(&r)
	expect(t, rec, "", "token_expiry_timestamp_seconds")
}

func TestRemovedTargetVanishes(t *testing.T) {
	a, b := target("a"), target("b")
	rec := metrics.New([]evidence.Target{a, b})
	late := forbidden(a)
	rec.Record(new(forbidden(a)))
	rec.Record(new(healthy(b)))
	before := ofTargets(t, rec)
	rec.SetTargets([]evidence.Target{b})

	rec.Record(&late)
	rec.CountToken("a", evidence.Revoked)
	rec.Skipped("a")
	rec.Record(new(healthy(target("never configured"))))
	var want strings.Builder
	for line := range strings.Lines(before) {
		if !strings.Contains(line, `target="a"`) {
			want.WriteString(line)
		}
	}
	if got := ofTargets(t, rec); got != want.String() {
		t.Errorf("got:\n%s\nwant what b had:\n%s", got, want.String())
	}
	expect(t, rec, `
		exporter_targets{state="assigned"} 1
		exporter_targets{state="configured"} 2`, "exporter_targets")
}

// A target whose definition changed is another target with the same counters.
func TestChangedTargetBeginsAnew(t *testing.T) {
	old, changed := target("a"), target("a")
	changed.Vault.Mount = "other"
	rec := metrics.New([]evidence.Target{old})
	rec.Record(new(healthy(old)))
	rec.SetTargets([]evidence.Target{changed})
	rec.Record(new(healthy(old)))
	expect(t, rec, `probes_total{target="a"} 1`, "up", "probes_total", "last_probe_timestamp_seconds", "server_info")
	rec.Record(new(healthy(changed)))
	expect(t, rec, `
		probes_total{target="a"} 2
		up{target="a"} 1`, "up", "probes_total")
}

func TestOlderRunCountsButDoesNotReplace(t *testing.T) {
	rec := metrics.New([]evidence.Target{target("a")})
	older := healthy(target("a"))
	older.Start = older.Start.Add(-time.Second)
	rec.Record(new(forbidden(target("a"))))
	rec.Record(&older)
	expect(t, rec, `
		probes_total{target="a"} 2
		up{target="a"} 0`, "up", "probes_total", "last_success_timestamp_seconds")
}

func TestInFlight(t *testing.T) {
	rec := metrics.New(nil)
	first, second := rec.Begin(), rec.Begin()
	expect(t, rec, "exporter_probes_in_flight 2", "exporter_probes_in_flight")
	first()
	second()
	expect(t, rec, "exporter_probes_in_flight 0", "exporter_probes_in_flight")
}

// The race detector is the judge of this test; a scrape that fails is the other.
func TestConcurrentUse(t *testing.T) {
	var targets []evidence.Target
	for i := range 4 {
		targets = append(targets, target(fmt.Sprint(i)))
	}
	rec := metrics.New(targets)
	var work sync.WaitGroup
	for _, one := range targets {
		work.Go(func() {
			for range 50 {
				end := rec.Begin()
				rec.Record(new(healthy(one)))
				rec.Record(new(forbidden(one)))
				rec.CountToken(one.Name, evidence.Revoked)
				rec.Skipped(one.Name)
				end()
			}
		})
	}
	work.Go(func() {
		for i := range 50 {
			rec.SetTargets(targets[:len(targets)-i%2])
		}
		rec.SetTargets(targets)
	})
	work.Go(func() {
		for range 50 {
			if _, err := testutil.GatherAndCount(rec); err != nil {
				t.Error(err)
			}
			response := httptest.NewRecorder()
			rec.Handler().ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			if strings.Contains(response.Body.String(), `errors_total{cause="gathering"} 1`) {
				t.Error("a scrape failed")
			}
		}
	})
	work.Wait()
	if got := samples(t, rec, "probes_total"); !strings.Contains(got, `probes_total{target="0"} 100`) {
		t.Errorf("lost a run:\n%s", got)
	}
}

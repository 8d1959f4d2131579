package metrics_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

var verdictNames = []string{"up", "reviewer_up", "canary_login_up", "verdict_info", "reviewer_verdict_info"}

// broken is a healthy run in which one thing is otherwise.
func broken(reason, reviewer diagnose.Reason, certainty diagnose.Certainty, edit func(*evidence.Evidence)) func(evidence.Target) probe.Result {
	return func(t evidence.Target) probe.Result {
		r := healthy(t)
		edit(&r.Evidence)
		r.Diagnosis = diagnose.Diagnosis{
			Verdict:  diagnose.Verdict{Reason: reason, Certainty: certainty},
			Reviewer: diagnose.Verdict{Reason: reviewer, Certainty: certainty},
		}
		return r
	}
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(evidence.Target) probe.Result
		want string
	}{
		{"healthy", healthy, `
			canary_login_up{target="a"} 1
			reviewer_up{target="a"} 1
			reviewer_verdict_info{component="none",reason="none",target="a"} 1
			up{target="a"} 1
			verdict_info{certainty="proven",component="none",reason="none",target="a"} 1`},
		{"reviewer forbidden", forbidden, `
			canary_login_up{target="a"} 0
			reviewer_up{target="a"} 0
			reviewer_verdict_info{component="reviewer",reason="reviewer_forbidden",target="a"} 1
			up{target="a"} 0
			verdict_info{certainty="proven",component="reviewer",reason="reviewer_forbidden",target="a"} 1`},
		{"reviewer token missing while logins work",
			broken(diagnose.None, diagnose.ReviewerTokenMissing, diagnose.Proven, func(e *evidence.Evidence) {
				e.ReviewerToken = failed[evidence.Claims](evidence.ClassMissing, 0, "no such file")
				e.Review = evidence.Fact[evidence.Review]{}
			}), `
			canary_login_up{target="a"} 1
			reviewer_up{target="a"} 0
			reviewer_verdict_info{component="reviewer",reason="reviewer_token_missing",target="a"} 1
			up{target="a"} 1
			verdict_info{certainty="proven",component="none",reason="none",target="a"} 1`},
		{"Kubernetes unreachable: the reviewer was not reached, which is neither good nor bad",
			broken(diagnose.KubernetesUnreachable, diagnose.KubernetesUnreachable, diagnose.ByElimination, func(e *evidence.Evidence) {
				e.Review = failed[evidence.Review](evidence.ClassUnreachable, 0, "connection refused")
				e.Login = failed[evidence.Login](evidence.ClassRefused, 403, "permission denied")
			}), `
			canary_login_up{target="a"} 0
			reviewer_verdict_info{component="kubernetes",reason="kubernetes_unreachable",target="a"} 1
			up{target="a"} 0
			verdict_info{certainty="by_elimination",component="kubernetes",reason="kubernetes_unreachable",target="a"} 1`},
		{"Vault sealed, the reviewer is fine",
			broken(diagnose.VaultSealed, diagnose.None, diagnose.Proven, func(e *evidence.Evidence) {
				e.Login = failed[evidence.Login](evidence.ClassRefused, 503, "Vault is sealed")
			}), `
			canary_login_up{target="a"} 0
			reviewer_up{target="a"} 1
			reviewer_verdict_info{component="none",reason="none",target="a"} 1
			up{target="a"} 0
			verdict_info{certainty="proven",component="vault",reason="vault_sealed",target="a"} 1`},
		{"nothing known of the reviewer",
			broken(diagnose.None, "", diagnose.Proven, func(e *evidence.Evidence) { e.Review = evidence.Fact[evidence.Review]{} }), `
			canary_login_up{target="a"} 1
			up{target="a"} 1
			verdict_info{certainty="proven",component="none",reason="none",target="a"} 1`},
		{"canary: not known whether pods can log in",
			broken(diagnose.CanaryTokenMissing, diagnose.None, diagnose.Proven, func(e *evidence.Evidence) {
				e.CanaryToken = failed[evidence.Claims](evidence.ClassMissing, 0, "no such file")
				e.Login = evidence.Fact[evidence.Login]{}
			}), `
			reviewer_up{target="a"} 1
			reviewer_verdict_info{component="none",reason="none",target="a"} 1
			verdict_info{certainty="proven",component="canary",reason="canary_token_missing",target="a"} 1`},
		{"panic: not known whether pods can log in",
			broken(diagnose.ExporterInternalError, "", diagnose.Proven, func(e *evidence.Evidence) { *e = evidence.Evidence{Panic: "oops"} }), `
			verdict_info{certainty="proven",component="exporter",reason="exporter_internal_error",target="a"} 1`},
		{"unexplained",
			broken(diagnose.Unexplained, diagnose.None, diagnose.ByElimination, func(e *evidence.Evidence) {
				e.Login = failed[evidence.Login](evidence.ClassRefused, 403, "permission denied")
			}), `
			canary_login_up{target="a"} 0
			reviewer_up{target="a"} 1
			reviewer_verdict_info{component="none",reason="none",target="a"} 1
			up{target="a"} 0
			verdict_info{certainty="by_elimination",component="unknown",reason="unexplained",target="a"} 1`},
		{"a diagnosis that nobody made is not health",
			broken("", "", "", func(e *evidence.Evidence) { *e = evidence.Evidence{} }), `
			up{target="a"} 0
			verdict_info{certainty="",component="",reason="",target="a"} 1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := metrics.New([]evidence.Target{target("a")})
			rec.Record(new(c.run(target("a"))))
			expect(t, rec, c.want, verdictNames...)
		})
	}
}

// The number of failed runs in a row is known whenever it is known whether pods can log in.
func TestConsecutiveFailedRuns(t *testing.T) {
	sealed := broken(diagnose.VaultSealed, diagnose.None, diagnose.Proven, func(*evidence.Evidence) {})
	unknown := broken(diagnose.CanaryTokenMissing, diagnose.None, diagnose.Proven, func(*evidence.Evidence) {})
	for _, c := range []struct {
		name     string
		run      func(evidence.Target) probe.Result
		failures int
		want     string
	}{
		{"healthy", healthy, 0, `consecutive_failed_runs{target="a"} 0`},
		{"the third failure", sealed, 3, `consecutive_failed_runs{target="a"} 3`},
		{"unknown, after three failures", unknown, 3, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := metrics.New([]evidence.Target{target("a")})
			r := c.run(target("a"))
			r.ConsecutiveFailures = c.failures
			rec.Record(&r)
			expect(t, rec, c.want, "consecutive_failed_runs")
			expect(t, rec, `last_probe_duration_seconds{target="a"} 0.04`, "last_probe_duration_seconds")
		})
	}
}

func TestWarningsAreThoseJudged(t *testing.T) {
	rec := metrics.New([]evidence.Target{target("a")})
	r := healthy(target("a"))
	r.Warnings = []diagnose.Warning{
		{Code: diagnose.ReviewerStaleCopy},
		{Code: diagnose.ClockSkew, Raised: true, Detail: "Vault's clock and the exporter's differ by 1m0s"},
	}
	rec.Record(&r)
	expect(t, rec, `
		warning{target="a",warning="clock_skew"} 1
		warning{target="a",warning="reviewer_stale_copy"} 0`, "warning")
}

func TestSkippedStepsAreAbsent(t *testing.T) {
	rec := metrics.New([]evidence.Target{target("a")})
	rec.Record(new(forbidden(target("a"))))
	expect(t, rec, `
		step_duration_seconds{step="access",target="a"} 0.003
		step_duration_seconds{step="canary_token",target="a"} 0
		step_duration_seconds{step="health",target="a"} 0.004
		step_duration_seconds{step="login",target="a"} 1
		step_duration_seconds{step="mount_probe",target="a"} 0.001
		step_duration_seconds{step="review",target="a"} 1
		step_duration_seconds{step="reviewer_token",target="a"} 0
		step_success{step="access",target="a"} 0
		step_success{step="canary_token",target="a"} 1
		step_success{step="health",target="a"} 1
		step_success{step="login",target="a"} 0
		step_success{step="mount_probe",target="a"} 1
		step_success{step="review",target="a"} 0
		step_success{step="reviewer_token",target="a"} 1`, "step_duration_seconds", "step_success")
}

// What is left of a result once it is older than three intervals.
func TestStale(t *testing.T) {
	names := append([]string{"warning", "consecutive_failed_runs", "last_probe_duration_seconds", "verdict_since_timestamp_seconds", "last_probe_timestamp_seconds", "step_success", "step_duration_seconds"}, verdictNames...)
	for _, c := range []struct {
		name string
		run  func(evidence.Target) probe.Result
		want string
	}{
		{"healthy: dropped", healthy, `last_probe_timestamp_seconds{target="a"} 9.466848e+08`},
		{"unhealthy: kept, less the samples that say all is well", func(t evidence.Target) probe.Result {
			r := broken(diagnose.VaultSealed, diagnose.None, diagnose.Proven, func(e *evidence.Evidence) {
				e.Login = failed[evidence.Login](evidence.ClassRefused, 503, "Vault is sealed")
				e.Revoke = evidence.Fact[struct{}]{}
			})(t)
			r.Warnings, r.ConsecutiveFailures = warnings(diagnose.ClockSkew), 2
			return r
		}, `
			canary_login_up{target="a"} 0
			consecutive_failed_runs{target="a"} 2
			last_probe_duration_seconds{target="a"} 0.04
			last_probe_timestamp_seconds{target="a"} 9.466848e+08
			step_duration_seconds{step="login",target="a"} 1
			step_success{step="login",target="a"} 0
			up{target="a"} 0
			verdict_info{certainty="proven",component="vault",reason="vault_sealed",target="a"} 1
			verdict_since_timestamp_seconds{target="a"} 9.466848e+08
			warning{target="a",warning="clock_skew"} 1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rec := metrics.New([]evidence.Target{target("a")})
				rec.Record(new(c.run(target("a"))))
				fresh := samples(t, rec, names...)
				time.Sleep(3 * minute)
				expect(t, rec, fresh, names...)
				time.Sleep(time.Nanosecond)
				expect(t, rec, c.want, names...)
			})
		})
	}
}

// A new run ends staleness.
func TestFreshRunEndsStaleness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := metrics.New([]evidence.Target{target("a")})
		rec.Record(new(healthy(target("a"))))
		time.Sleep(time.Hour)
		expect(t, rec, "", "up")
		rec.Record(new(healthy(target("a"))))
		expect(t, rec, `up{target="a"} 1`, "up")
	})
}

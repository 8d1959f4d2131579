package metrics

import (
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// cached ends the HELP of all metrics that come from a run.
const cached = " Cached from the target's schedule, not measured by the scrape."

// resultMetric is a metric of a target's latest result. collect is a pure function.
type resultMetric struct {
	*family
	collect func(r *probe.Result, emit emitResult)
}

// emitResult takes one sample. One that says all is well is dropped once the result is
// stale; any other stays until a newer result replaces it.
type emitResult func(value float64, dropWhenStale bool, labels ...string)

// resultMetrics have no samples before a target's first run.
var resultMetrics = []resultMetric{
	{
		gauge("up", "Whether pods can log in: 1 they can, 0 they cannot, absent if it is not known."+cached),
		func(r *probe.Result, emit emitResult) {
			if r.LoginStatus() != diagnose.LoginsUnknown {
				emit(oneIf(r.Healthy()), r.Healthy())
			}
		},
	},
	{
		gauge("consecutive_failed_runs", "How many runs in a row, up to the latest, found that pods cannot log in; 0 if they can, absent if it is not known."+cached),
		func(r *probe.Result, emit emitResult) {
			if r.LoginStatus() != diagnose.LoginsUnknown {
				emit(float64(r.ConsecutiveFailures), r.Healthy())
			}
		},
	},
	{
		gauge("last_probe_duration_seconds", "How long the latest completed run took, in seconds."+cached),
		func(r *probe.Result, emit emitResult) { emit(r.Duration.Seconds(), r.Healthy()) },
	},
	{
		gauge("reviewer_up", "Whether the configured reviewer can create TokenReviews: 1 it did, 0 it cannot, absent if it did not try or did not reach the API server."+cached),
		func(r *probe.Result, emit emitResult) {
			reviewer := r.Diagnosis.Reviewer
			switch reviewer.Component() {
			case diagnose.ComponentNone, diagnose.ComponentReviewer, diagnose.ComponentCanary: // a canary may be its own reviewer
				up := reviewer.Reason == diagnose.None
				emit(oneIf(up), up)
			}
		},
	},
	{
		gauge("canary_login_up", "Whether the canary logged in: 1 it did, 0 the login failed or timed out, absent if there was no login."+cached),
		func(r *probe.Result, emit emitResult) {
			if login := r.Evidence.Login; login.State != evidence.NotAsked {
				emit(oneIf(login.Ok()), login.Ok())
			}
		},
	},
	{
		gauge("verdict_info", "Always 1: the reason why pods cannot log in, the component that owns it, and how certain that is; reason none if they can log in."+cached,
			"reason", "component", "certainty"),
		func(r *probe.Result, emit emitResult) {
			d := r.Diagnosis
			emit(1, r.Healthy(), string(d.Reason), string(d.Component()), string(d.Certainty))
		},
	},
	{
		gauge("reviewer_verdict_info", "Always 1: the reason why the configured reviewer cannot create TokenReviews, also while logins work; reason none if it can."+cached,
			"reason", "component"),
		func(r *probe.Result, emit emitResult) {
			if v := r.Diagnosis.Reviewer; v.Reason != "" {
				emit(1, v.Reason == diagnose.None, string(v.Reason), string(v.Component()))
			}
		},
	},
	{
		gauge("verdict_since_timestamp_seconds", "When the current reason began, as a Unix time in seconds."+cached),
		func(r *probe.Result, emit emitResult) {
			if !r.Since.IsZero() {
				emit(unix(r.Since), r.Healthy())
			}
		},
	},
	{
		gauge("warning", "Whether a warning is raised, about a condition that does not stop logins today: 1 it is, 0 it is not, absent if that is not known."+cached,
			"warning"),
		func(r *probe.Result, emit emitResult) {
			for _, w := range r.Warnings {
				emit(oneIf(w.Raised), !w.Raised, string(w.Code))
			}
		},
	},
	{
		gauge("negative_canary_up", "Whether Vault refused every login that it must refuse, of the negative canary: 1 it did, 0 one got a token, absent if none was asked or answered."+cached),
		func(r *probe.Result, emit emitResult) {
			if refused, known := r.Evidence.NegativeCanary.Refused(); known {
				emit(oneIf(refused), refused)
			}
		},
	},
	{
		gauge("step_duration_seconds", "How long a step of the run took, in seconds; absent if it was skipped."+cached, "step"),
		func(r *probe.Result, emit emitResult) {
			for _, s := range made(r) {
				emit(s.Elapsed.Seconds(), s.State == evidence.StepOK, s.Name)
			}
		},
	},
	{
		gauge("step_success", "Whether a step of the run succeeded: 1 it did, 0 it failed, absent if it was skipped."+cached, "step"),
		func(r *probe.Result, emit emitResult) {
			for _, s := range made(r) {
				ok := s.State == evidence.StepOK
				emit(oneIf(ok), ok, s.Name)
			}
		},
	},
}

// made returns the steps that were not skipped.
func made(r *probe.Result) []evidence.Step {
	steps := r.Steps()
	kept := steps[:0]
	for _, s := range steps {
		if s.State != evidence.StepSkipped {
			kept = append(kept, s)
		}
	}
	return kept
}

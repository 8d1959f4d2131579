package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// judgement is a metric that says how things stand: a pure function of one Result.
// Every sample says whether it is good news, which is withheld once it is stale;
// bad news is told until a newer run replaces it.
type judgement struct {
	desc *prometheus.Desc
	of   func(r *probe.Result, say judged)
}

type judged func(value float64, good bool, labels ...string)

// judgements are absent before a target's first run.
var judgements = []judgement{
	{
		describe("up", "Whether pods can log in: 1 they can, 0 they cannot, absent where that is not known."+cached),
		func(r *probe.Result, say judged) {
			switch r.Diagnosis.Component() {
			case diagnose.ComponentCanary, diagnose.ComponentExporter: // our own fault says nothing about pods
			default:
				say(oneIf(r.Healthy()), r.Healthy())
			}
		},
	},
	{
		describe("reviewer_up", "Whether the configured reviewer created a TokenReview: 1 it did, 0 it cannot, absent where it was not asked or not reached."+cached),
		func(r *probe.Result, say judged) {
			reviewer := r.Diagnosis.Reviewer
			switch reviewer.Component() {
			case diagnose.ComponentNone, diagnose.ComponentReviewer, diagnose.ComponentCanary: // a canary may be its own reviewer
				up := reviewer.Reason == diagnose.None
				say(oneIf(up), up)
			}
		},
	},
	{
		describe("canary_login_up", "Whether the canary logged in: 1 it did, 0 it was refused or got no answer, absent where it was not attempted."+cached),
		func(r *probe.Result, say judged) {
			if login := r.Evidence.Login; login.State != evidence.NotAsked {
				say(oneIf(login.Ok()), login.Ok())
			}
		},
	},
	{
		describe("verdict_info", "Always 1: why pods cannot log in, which component owns it and how sure it is; reason none where they can."+cached,
			"reason", "component", "certainty"),
		func(r *probe.Result, say judged) {
			d := r.Diagnosis
			say(1, r.Healthy(), string(d.Reason), string(d.Component()), string(d.Certainty))
		},
	},
	{
		describe("reviewer_verdict_info", "Always 1: why the configured reviewer cannot create TokenReviews, also while logins work; reason none where it can."+cached,
			"reason", "component"),
		func(r *probe.Result, say judged) {
			if v := r.Diagnosis.Reviewer; v.Reason != "" {
				say(1, v.Reason == diagnose.None, string(v.Reason), string(v.Component()))
			}
		},
	},
	{
		describe("verdict_since_timestamp_seconds", "When the current reason began, as a Unix time in seconds."+cached),
		func(r *probe.Result, say judged) {
			if !r.Since.IsZero() {
				say(unix(r.Since), r.Healthy())
			}
		},
	},
	{
		describe("warning", "Whether a condition holds that does not keep pods from logging in today: 1 it holds, 0 it does not, absent where it could not be judged."+cached,
			"warning"),
		func(r *probe.Result, say judged) {
			for _, w := range r.Warnings {
				say(oneIf(w.Raised), !w.Raised, string(w.Code))
			}
		},
	},
	{
		describe("step_duration_seconds", "How long a step of the run took, in seconds; absent where it was not asked."+cached, "step"),
		func(r *probe.Result, say judged) {
			for _, s := range asked(r) {
				say(s.Elapsed.Seconds(), s.State == evidence.StepOK, s.Name)
			}
		},
	},
	{
		describe("step_success", "Whether a step of the run succeeded: 1 it did, 0 it failed, absent where it was not asked."+cached, "step"),
		func(r *probe.Result, say judged) {
			for _, s := range asked(r) {
				ok := s.State == evidence.StepOK
				say(oneIf(ok), ok, s.Name)
			}
		},
	},
}

func asked(r *probe.Result) []evidence.Step {
	steps := r.Steps()
	kept := steps[:0]
	for _, s := range steps {
		if s.State != evidence.StepSkipped {
			kept = append(kept, s)
		}
	}
	return kept
}

package probetest

import (
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Mode is one value of EXPORTER_REVIEWER.
type Mode struct {
	Source evidence.SourceName
	// before is how such an installation differs, and after how its exporter sees the
	// world that a scenario has broken.
	before, after func(*World)
}

// Modes lists them all, with what a usual installation of each grants the exporter.
var Modes = []Mode{
	{Source: evidence.SourceFile},
	{Source: evidence.SourceSecret, after: func(w *World) { w.ReviewerInSecret("token", w.Reviewer.String()) }},
	{Source: evidence.SourceServiceAccount, after: func(w *World) {
		w.Identity()
		w.Kubernetes.Change(func(k *Kubernetes) {
			k.Grants[exporterUser] = append(k.Grants[exporterUser], "create serviceaccounts/token")
		})
		w.Target.Reviewer = evidence.Origin{Source: evidence.SourceServiceAccount, ServiceAccount: w.Reviewer.account()}
	}},
	{Source: evidence.SourceAccessReview, after: accessReview},
	{Source: evidence.SourceCanary, before: func(w *World) {
		w.Kubernetes.Change(func(k *Kubernetes) { k.Grants[w.Canary.username()] = authDelegator })
		selfReview(w)
	}},
}

// PlayIn plays a scenario for an exporter in this mode. It reports false where the scenario
// is about a mode itself, about the stored reviewer of a mount that has none, or about what
// hangs: there the verdict depends on which end gives up first.
func (w *World) PlayIn(m Mode, s Scenario, complete bool) (v Verdict, ok bool) {
	if complete {
		w.Complete()
	}
	if m.before != nil {
		m.before(w)
	}
	usual, timeout := w.Target.Reviewer.Source, w.Target.Timeout
	s.Arrange(w)
	isReviewers := s.Bare.Reason.Component() == diagnose.ComponentReviewer || s.Full.Reason.Component() == diagnose.ComponentReviewer
	if s.Before != nil || w.Target.Timeout != timeout || w.Target.Reviewer.Source != usual || m.Source == evidence.SourceCanary && isReviewers {
		return Verdict{}, false
	}
	if m.after != nil {
		m.after(w)
	}
	result, _ := w.Probe(probe.Memory{})
	return Verdict{Reason: result.Diagnosis.Reason, Certainty: result.Diagnosis.Certainty}, true
}

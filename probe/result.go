package probe

import (
	"slices"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Result is one run: where it looked, what it saw and what that means. It is the
// only thing that flows downstream. The zero Result is not healthy.
type Result struct {
	Target    evidence.Target
	Start     time.Time
	Duration  time.Duration
	Evidence  evidence.Evidence
	Diagnosis diagnose.Diagnosis
	Warnings  []diagnose.Warning
	// Since is when the current reason began, as far as this process has seen.
	Since time.Time
}

// Healthy reports whether pods can log in.
func (r Result) Healthy() bool { return r.LoginStatus() == diagnose.LoginsWork }

// LoginStatus answers whether pods can log in. It is the only place that decides
// this: metrics, page, log and check all read it.
func (r Result) LoginStatus() diagnose.LoginStatus { return r.Diagnosis.Reason.LoginStatus() }

// FollowUps lists the kinds of follow-up that this run asked, not those whose
// answers it carried over.
func (r Result) FollowUps() []string {
	var made []string
	for _, s := range r.Steps() {
		if s.State != evidence.StepSkipped && slices.Contains(evidence.FollowUpKinds, s.Name) {
			made = append(made, s.Name)
		}
	}
	return made
}

// Steps returns the run's facts in causal order, skipped ones included.
func (r Result) Steps() []evidence.Step { return r.Evidence.Steps() }

// Raised returns the warnings that hold.
func (r Result) Raised() []diagnose.Warning {
	var raised []diagnose.Warning
	for _, w := range r.Warnings {
		if w.Raised {
			raised = append(raised, w)
		}
	}
	return raised
}

// Retry says when the next run is due outside the schedule.
type Retry struct {
	// Backoff is set where a server asked to be left alone: no run confirms the
	// verdict.
	Backoff bool
	// After is the pause that the server asked for, 0 if it named none.
	After time.Duration
}

// Retry returns what the servers' answers ask of the schedule.
func (r Result) Retry() Retry {
	if r.Diagnosis.Reason.Backoff() {
		return Retry{Backoff: true, After: max(r.Evidence.Login.Failure.RetryAfter, r.Evidence.Review.Failure.RetryAfter)}
	}
	return Retry{}
}

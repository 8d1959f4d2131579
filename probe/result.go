package probe

import (
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
func (r Result) FollowUps() []string { return r.Evidence.FollowUps.Asked }

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

// maxLag is how late a run may notice its own timeout and still be believed.
const maxLag = time.Second

// Overran reports whether the process was frozen or starved while the run was going, so
// that what did not answer may have answered in time. A login that succeeded stands.
func (r Result) Overran() bool { return r.Evidence.Lag > maxLag && !r.Evidence.Login.Ok() }

// Retry says when the next run is due outside the schedule.
type Retry struct {
	// Backoff is set where a server asked for fewer requests: no run confirms the
	// verdict. After is then the pause that the server named, 0 if it named none.
	Backoff bool
	// Again is set where follow-ups were postponed: a run after After asks them.
	Again bool
	After time.Duration
}

// Retry returns what the run asks of the schedule.
func (r Result) Retry() Retry {
	e := r.Evidence
	switch {
	case r.Diagnosis.Reason.Backoff():
		return Retry{Backoff: true, After: max(e.Login.Failure.RetryAfter, e.Review.Failure.RetryAfter)}
	case !e.FollowUps.Postponed.IsZero():
		return Retry{Again: true, After: e.FollowUps.Postponed.Sub(r.Start.Add(r.Duration))}
	}
	return Retry{}
}

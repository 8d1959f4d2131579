package probe

import (
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/maintenance"
)

// Result is one run: its target, its evidence and the diagnosis. Metrics, page, log and
// check read nothing else. The zero Result is not healthy.
type Result struct {
	Target    evidence.Target
	Start     time.Time
	Duration  time.Duration
	Evidence  evidence.Evidence
	Diagnosis diagnose.Diagnosis
	Warnings  []diagnose.Warning
	// Expiries are of this run and, of what it could not see, of the last run that could.
	Expiries []diagnose.Expiry
	// Maintenance is what was planned for the start of the run, filled in by who knows the plan.
	Maintenance maintenance.Active
	// Since is when the current reason was first seen without interruption, by this process or by
	// one before a restart of which it knows.
	Since time.Time
	// Gap is the longest time since then, more than three intervals, of which no process is known
	// that probed the target: whether the reason held meanwhile is not known.
	Gap Gap
	// ConsecutiveFailures is how many runs of this process in a row, up to this one, found
	// that pods cannot log in. A run that does not know whether they can is not counted and
	// does not end the row.
	ConsecutiveFailures int
}

// Healthy reports whether pods can log in.
func (r Result) Healthy() bool { return r.LoginStatus() == diagnose.LoginsWork }

// LoginStatus returns whether pods can log in or, of a candidate, whether they could with it.
// Metrics, page, log and check all use this method.
func (r Result) LoginStatus() diagnose.LoginStatus {
	if r.Target.Candidate != nil {
		return r.Diagnosis.CandidateStatus()
	}
	return r.Diagnosis.Reason.LoginStatus()
}

// FollowUps lists the follow-ups that this run made, by the names of their steps.
// Answers that were carried over are not listed.
func (r Result) FollowUps() []string { return r.Evidence.FollowUps.Asked }

// Steps returns the run's steps in causal order, including skipped ones.
func (r Result) Steps() []evidence.Step { return r.Evidence.Steps() }

// Raised returns the warnings that are raised.
func (r Result) Raised() []diagnose.Warning {
	var raised []diagnose.Warning
	for _, w := range r.Warnings {
		if w.Raised {
			raised = append(raised, w)
		}
	}
	return raised
}

// maxLag is how late a run may notice its own timeout before its timeouts are distrusted.
const maxLag = time.Second

// Overran reports whether the process was suspended or starved of CPU during the run, so
// that a server that appears to have timed out may have responded in time. A successful
// login is valid regardless.
func (r Result) Overran() bool { return r.Evidence.Lag > maxLag && !r.Evidence.Login.Ok() }

// Retry says when the next run is due outside the schedule.
type Retry struct {
	// Backoff is set if a server asked for fewer requests: the verdict is not rechecked.
	// After is then the pause that the server requested, 0 if it requested none.
	Backoff bool
	// Again is set if follow-ups were postponed: a run after After makes them.
	Again bool
	After time.Duration
}

// Retry returns when the target should be probed next, apart from its interval.
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

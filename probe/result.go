package probe

import (
	"slices"
	"time"
)

// Verdict is the answer to one question, with the one reason where it is no.
type Verdict struct {
	Reason Reason
	// Detail is one sentence with the target's own names.
	Detail string
	// Because lists the facts that the verdict rests on, one sentence each.
	Because   []string
	Certainty Certainty
	// Fix lists the lines to run, or to read, that mend it: commands with the
	// target's own names filled in, comments with a leading #.
	Fix []string
}

// Component returns which component owns the verdict.
func (v Verdict) Component() Component { return v.Reason.Component() }

// Diagnosis is the judgement of one run.
type Diagnosis struct {
	// Verdict answers: can pods log in?
	Verdict
	// Reviewer answers: can the configured reviewer create TokenReviews? Its reason
	// is empty where that is not known.
	Reviewer Verdict
}

// Result is one run: where it looked, what it saw and what that means. It is the
// only thing that flows downstream. The zero Result is not healthy.
type Result struct {
	Target    Target
	Start     time.Time
	Duration  time.Duration
	Evidence  Evidence
	Diagnosis Diagnosis
	Warnings  []Warning
	// Since is when the current reason began, as far as this process has seen.
	Since time.Time
}

// Healthy reports whether pods can log in.
func (r Result) Healthy() bool { return r.LoginStatus() == LoginsWork }

// LoginStatus answers whether pods can log in. It is the only place that decides
// this: metrics, page, log and check all read it.
func (r Result) LoginStatus() LoginStatus { return r.Diagnosis.Reason.loginStatus() }

// LoginStatus is whether pods can log in, as far as one run can tell.
type LoginStatus string

// The zero LoginStatus is none of these, so that nothing is healthy by default.
const (
	LoginsWork LoginStatus = "work"
	LoginsFail LoginStatus = "fail"
	// LoginsUnknown: the exporter or its canary is at fault, which says nothing about
	// pods.
	LoginsUnknown LoginStatus = "unknown"
)

func (r Reason) loginStatus() LoginStatus {
	switch r.Component() {
	case ComponentNone:
		return LoginsWork
	case ComponentCanary, ComponentExporter:
		return LoginsUnknown
	}
	return LoginsFail
}

// FollowUpKinds lists the follow-ups, in the order of the report.
var FollowUpKinds = []string{"mount_probe", "role_probe", "diagnostic_role", "diagnostic_access", "reviewer_review"}

// FollowUps lists the kinds of follow-up that this run asked, not those whose
// answers it carried over.
func (r Result) FollowUps() []string {
	var made []string
	for _, s := range r.Steps() {
		if s.State != StepSkipped && slices.Contains(FollowUpKinds, s.Name) {
			made = append(made, s.Name)
		}
	}
	return made
}

// Raised returns the warnings that hold.
func (r Result) Raised() []Warning {
	var raised []Warning
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
	switch r.Diagnosis.Reason {
	case VaultRateLimited, VaultLeaseQuota, VaultOverloaded, KubernetesThrottled:
		return Retry{Backoff: true, After: max(r.Evidence.Login.Failure.RetryAfter, r.Evidence.Review.Failure.RetryAfter)}
	}
	return Retry{}
}

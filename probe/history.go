package probe

import (
	"slices"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// Run summarizes one run.
type Run struct {
	Start    time.Time
	Duration time.Duration
	Reason   diagnose.Reason
	// Maintenance is whether one was planned: the run says nothing about how reliable logins are.
	Maintenance bool
}

// Healthy reports whether pods could log in. The zero Run is not healthy.
func (r Run) Healthy() bool { return r.LoginStatus() == diagnose.LoginsWork }

// LoginStatus returns whether pods could log in.
func (r Run) LoginStatus() diagnose.LoginStatus { return r.Reason.LoginStatus() }

// Run returns a summary of the result.
func (r Result) Run() Run {
	return Run{r.Start, r.Duration, r.Diagnosis.Reason, r.Maintenance.Active()}
}

const (
	// recentRuns is how many runs of a target are kept, successful or not.
	recentRuns = 120
	// olderFailures is how many failed runs before those are kept.
	olderFailures = 40
)

// History holds the latest runs of one target. Its size is bounded, and failures are
// kept longer than successes. It is an immutable value.
type History struct {
	// Recent holds the latest runs, oldest first.
	Recent []Run
	// Failures holds the latest failed runs before those, oldest first.
	Failures []Run
}

// with returns a copy of the history with one more run. Slices that were returned
// before are not modified.
func (h History) with(r Run) History {
	if len(h.Recent) == recentRuns && !h.Recent[0].Healthy() {
		h.Failures = last(olderFailures, h.Failures, h.Recent[0])
	}
	h.Recent = last(recentRuns, h.Recent, r)
	return h
}

// last returns a copy of runs with next appended, limited to the last n.
func last(n int, runs []Run, next Run) []Run {
	return append(slices.Clone(runs[max(0, len(runs)+1-n):]), next)
}

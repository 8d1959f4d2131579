package probe

import (
	"slices"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// Run is one run in short.
type Run struct {
	Start    time.Time
	Duration time.Duration
	Reason   diagnose.Reason
}

// Healthy reports whether pods could log in. The zero Run is not healthy.
func (r Run) Healthy() bool { return r.LoginStatus() == diagnose.LoginsWork }

// LoginStatus answers whether pods could log in.
func (r Run) LoginStatus() diagnose.LoginStatus { return r.Reason.LoginStatus() }

// Run returns the result in short.
func (r Result) Run() Run { return Run{r.Start, r.Duration, r.Diagnosis.Reason} }

const (
	// recentRuns is how many runs of a target are kept, whatever came of them.
	recentRuns = 120
	// olderFailures is how many failures are kept beyond those.
	olderFailures = 40
)

// History is the last runs of one target, bounded, failures kept longer than
// successes. It is an immutable value.
type History struct {
	// Recent holds the last runs, oldest first.
	Recent []Run
	// Failures holds the last failures that are older than those, oldest first.
	Failures []Run
}

// with returns the history with one more run. What was handed out before is not
// written to again.
func (h History) with(r Run) History {
	if len(h.Recent) == recentRuns && !h.Recent[0].Healthy() {
		h.Failures = last(olderFailures, h.Failures, h.Recent[0])
	}
	h.Recent = last(recentRuns, h.Recent, r)
	return h
}

// last returns a copy of the last n of these runs and one more.
func last(n int, runs []Run, next Run) []Run {
	return append(slices.Clone(runs[max(0, len(runs)+1-n):]), next)
}

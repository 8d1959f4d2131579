package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

const (
	// stagger is the average time between two first runs.
	stagger = 100 * time.Millisecond
	// maxRechecks limits the extra runs for a verdict that keeps changing.
	maxRechecks = 3
	// maxBackoff is for how many intervals a server can keep its targets from being
	// probed. A healthy verdict is withdrawn after as many.
	maxBackoff = 3
)

// plan decides when a job's next run is due. It reads no clock.
type plan struct {
	interval, recheck time.Duration
	// origin is the first tick.
	origin time.Time

	verdict  string // of the last run that had one
	rechecks int    // planned since two runs in a row last agreed
}

// newPlan returns a plan and when its first run is due. spread is the time over
// which the first runs of all jobs are spread.
func newPlan(job Job, start time.Time, spread time.Duration) (plan, time.Time) {
	phase := phaseOf(job.Name)
	first := start.Add(scale(phase, min(job.Interval, spread)))
	return plan{
		interval: job.Interval,
		recheck:  job.Recheck,
		origin:   start.Add(scale(phase, job.Interval)),
	}, first
}

// phaseOf maps a name to [0, 1).
func phaseOf(name string) float64 {
	sum := sha256.Sum256([]byte(name))
	return float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
}

func scale(phase float64, d time.Duration) time.Duration {
	return time.Duration(phase * float64(d))
}

// tickAfter returns the first tick later than t.
func (p *plan) tickAfter(t time.Time) time.Time {
	if t.Before(p.origin) {
		return p.origin
	}
	passed := t.Sub(p.origin) / p.interval
	return p.origin.Add((passed + 1) * p.interval)
}

// tickNotBefore returns the first tick at t or later.
func (p *plan) tickNotBefore(t time.Time) time.Time {
	return p.tickAfter(t.Add(-1))
}

// maxWait is how long the run that is due may wait for a slot; 0 means no limit. Only
// a recheck has one: a recheck that would not end before the next tick is left to
// that tick's run. It has none where it would last into the tick without any wait.
func (p *plan) maxWait(due, tick time.Time, longest time.Duration) time.Duration {
	if p.rechecks == 0 {
		return 0
	}
	return max(0, tick.Sub(due)-longest)
}

// next returns when the next run is due, after one that ended with this outcome.
func (p *plan) next(end time.Time, outcome Outcome) time.Time {
	if outcome.Incomplete {
		return end.Add(min(max(outcome.RetryAfter, 0), p.interval))
	}
	changed := p.update(outcome.Verdict)
	switch {
	case outcome.Backoff:
		p.rechecks = 0
		backoff := min(max(outcome.RetryAfter, 0), maxBackoff*p.interval)
		return p.tickNotBefore(end.Add(backoff))
	case changed && p.rechecks < maxRechecks:
		p.rechecks++
		return end.Add(p.recheck)
	}
	p.rechecks = 0
	return p.tickAfter(end)
}

// update reports whether a verdict differs from the last one.
func (p *plan) update(verdict string) (changed bool) {
	if verdict == "" {
		return false
	}
	changed = p.verdict != "" && p.verdict != verdict
	p.verdict = verdict
	return changed
}

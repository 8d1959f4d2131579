package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

const (
	// stagger is the mean distance of two first runs.
	stagger = 100 * time.Millisecond
	// maxRechecks bounds the runs that a verdict which never settles costs.
	maxRechecks = 3
	// maxPause bounds for how long a server can have itself left alone.
	maxPause = time.Hour
)

// plan is one job's timetable. It reads no clock.
type plan struct {
	interval, recheck time.Duration
	// origin is the first tick.
	origin time.Time

	verdict  string // the last one, empty before the first
	rechecks int    // made since the verdicts last agreed
}

// newPlan returns a plan and the time of its first run. spread is the time over
// which the first runs of all jobs are spread.
func newPlan(job Job, start time.Time, spread time.Duration) (plan, time.Time) {
	phase := phaseOf(job.Name)
	first := start.Add(part(phase, min(job.Interval, spread)))
	return plan{
		interval: job.Interval,
		recheck:  job.Recheck,
		origin:   start.Add(part(phase, job.Interval)),
	}, first
}

// phaseOf maps a name to [0, 1).
func phaseOf(name string) float64 {
	sum := sha256.Sum256([]byte(name))
	return float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
}

func part(phase float64, of time.Duration) time.Duration {
	return time.Duration(phase * float64(of))
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

// patience is how long a recheck that is due may wait for a slot: it is to be over by
// the tick, to which it otherwise leaves its work. Zero is without end: that of all
// other runs, and of a recheck that the tick finds going even if it need not wait.
func (p *plan) patience(due, tick time.Time, longest time.Duration) time.Duration {
	if p.rechecks == 0 {
		return 0
	}
	return max(0, tick.Sub(due)-longest)
}

// next returns when to run again after a run that ended so.
func (p *plan) next(end time.Time, outcome Outcome) time.Time {
	changed := p.learn(outcome.Verdict)
	switch {
	case outcome.Backoff:
		p.rechecks = 0
		pause := min(max(outcome.RetryAfter, 0), maxPause)
		return p.tickNotBefore(end.Add(pause))
	case changed && p.rechecks < maxRechecks:
		p.rechecks++
		return end.Add(p.recheck)
	}
	p.rechecks = 0
	return p.tickAfter(end)
}

// learn reports whether a verdict differs from the last.
func (p *plan) learn(verdict string) (changed bool) {
	if verdict == "" {
		return false
	}
	changed = p.verdict != "" && p.verdict != verdict
	p.verdict = verdict
	return changed
}

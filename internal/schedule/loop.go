package schedule

import (
	"context"
	"runtime/debug"
	"sync"
	"time"
)

// grace is how much later than promised a loop may be before it counts as dead,
// since a starved or throttled process is slow, not dead.
const grace = 10 * time.Second

// loop makes the runs of one job, one after the other.
type loop struct {
	job Job
	now chan struct{} // holds the wish for a run at once

	mu sync.Mutex // guards deadline
	// deadline is when the loop must have given its next sign of life; zero before
	// the loop has started.
	deadline time.Time
}

// run makes runs until the context ends, and returns when the last has returned.
// ran is called after each that the context did not cut short.
func (l *loop) run(ctx context.Context, plan plan, due time.Time, ran func()) {
	for {
		l.promise(due)
		if !l.wait(ctx, due) {
			return
		}
		l.promise(time.Now())
		outcome := l.once(ctx, &plan)
		if ctx.Err() != nil {
			return
		}
		l.granted()
		ran()
		due = plan.next(time.Now(), outcome)
	}
}

// promise records that a run that begins at a time is over one longest run later.
func (l *loop) promise(begin time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deadline = begin.Add(l.job.Longest + grace)
}

func (l *loop) overdue(now time.Time) (by time.Duration, overdue bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.deadline.IsZero() || !now.After(l.deadline) {
		return 0, false
	}
	return now.Sub(l.deadline), true
}

// wait sleeps until a time, or until a run is wished for, and reports whether the
// context lived to see it.
func (l *loop) wait(ctx context.Context, until time.Time) bool {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.now:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// granted drops a wish that came while a run was going: that run fulfilled it.
func (l *loop) granted() {
	select {
	case <-l.now:
	default:
	}
}

// once makes one run and counts the ticks that pass meanwhile.
func (l *loop) once(ctx context.Context, plan *plan) Outcome {
	done := make(chan Outcome, 1)
	go l.guarded(ctx, done)

	// The first tick is none while the first run is going.
	tick := later(time.Now(), plan.origin)
	for {
		tick = plan.tickAfter(tick)
		timer := time.NewTimer(time.Until(tick))
		select {
		case outcome := <-done:
			timer.Stop()
			return outcome
		case <-timer.C:
			l.skip()
		}
	}
}

// guarded runs the job and always reports, also where the run panicked or its
// goroutine was made to exit.
func (l *loop) guarded(ctx context.Context, done chan<- Outcome) {
	var outcome Outcome
	defer func() { done <- outcome }()
	if l.job.Panicked != nil {
		defer func() {
			if cause := recover(); cause != nil {
				l.job.Panicked(cause, debug.Stack())
			}
		}()
	}
	outcome = l.job.Run(ctx)
}

func (l *loop) skip() {
	if l.job.Skipped != nil {
		l.job.Skipped()
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

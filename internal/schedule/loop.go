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
	job   Job
	slots *slots
	now   chan struct{} // holds the wish for a run at once
	// after is closed when the last run of an earlier job of this name has returned;
	// nil where there was none.
	after <-chan struct{}

	end   context.CancelFunc
	ended chan struct{} // closed when the last run has returned

	mu sync.Mutex // guards deadline
	// deadline is when the loop must have given its next sign of life; zero while
	// it waits for a slot, which is another's to free.
	deadline time.Time
}

// run makes runs until the context ends, and returns when the last has returned.
// ran is called after each that the context did not cut short.
func (l *loop) run(ctx context.Context, plan plan, due time.Time, ran func()) {
	defer close(l.ended)
	l.promise(due)
	if l.after != nil {
		<-l.after
	}
	for {
		due = l.wait(ctx, due)
		tick := plan.tickNotBefore(due)
		entered := l.enter(ctx, tick, plan.patience(due, tick, l.job.Longest))
		if ctx.Err() != nil {
			return
		}
		if !entered {
			due = tick
			l.promise(due)
			continue
		}
		outcome := l.once(ctx, plan, due)
		l.slots.leave(l.job.Group)
		if ctx.Err() != nil {
			return
		}
		l.granted()
		ran()
		due = plan.next(time.Now(), outcome)
		l.promise(due)
	}
}

// enter waits for a slot, with patience where that is not zero, and reports whether
// there was one in time.
func (l *loop) enter(ctx context.Context, tick time.Time, patience time.Duration) bool {
	l.expect(time.Time{})
	if patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	if !l.slots.enter(ctx, l.job.Group, tick) {
		return false
	}
	l.promise(time.Now())
	return true
}

// promise records that a run that begins at a time is over one longest run later.
func (l *loop) promise(begin time.Time) { l.expect(begin.Add(l.job.Longest + grace)) }

func (l *loop) expect(deadline time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deadline = deadline
}

func (l *loop) overdue(now time.Time) (by time.Duration, overdue bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.deadline.IsZero() || !now.After(l.deadline) {
		return 0, false
	}
	return now.Sub(l.deadline), true
}

// wait sleeps until a time, or until a run is wished for, and returns when that was.
func (l *loop) wait(ctx context.Context, until time.Time) time.Time {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
		return until
	case <-l.now:
	case <-ctx.Done():
	}
	return time.Now()
}

// granted drops a wish that came while a run was going: that run fulfilled it.
func (l *loop) granted() {
	select {
	case <-l.now:
	default:
	}
}

// once makes the run that was due at a time, and counts the ticks that it lasts
// into. To a run that had to wait, ticks come later by as much.
func (l *loop) once(ctx context.Context, plan plan, due time.Time) Outcome {
	done := make(chan Outcome, 1)
	go l.guarded(ctx, done)

	waited := time.Since(due)
	tick := later(due, plan.origin) // the first is none while the first run is going
	for {
		tick = plan.tickAfter(tick)
		timer := time.NewTimer(time.Until(tick.Add(waited)))
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

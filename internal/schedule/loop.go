package schedule

import (
	"context"
	"sync"
	"time"
)

// grace is how long after its deadline a loop still counts as alive: a starved or
// throttled process is slow, not dead.
const grace = 10 * time.Second

// loop makes the runs of one job, one after the other.
type loop struct {
	job     Job
	limiter *limiter
	cancel  context.CancelFunc
	ended   chan struct{} // closed when the last run has returned
	// previous is the ended channel of an earlier job of this name; nil if there was
	// none.
	previous <-chan struct{}
	trigger  chan struct{} // holds at most one request for a run

	mu sync.Mutex // guards what follows
	// nextDone is closed when the next run to begin has returned, or when the loop
	// ends without it.
	nextDone chan struct{}
	// deadline is when the loop must be done with its current wait or run. It is zero
	// while the loop waits for a slot, since other jobs hold those.
	deadline time.Time
}

func newLoop(job Job, l *limiter, previous <-chan struct{}) *loop {
	return &loop{
		job: job, limiter: l, previous: previous,
		ended: make(chan struct{}), trigger: make(chan struct{}, 1), nextDone: make(chan struct{}),
	}
}

// run makes runs until the context ends, and returns when the last has returned.
// completed is called after each run that the context did not cut short.
func (l *loop) run(ctx context.Context, p plan, due time.Time, completed func()) {
	defer l.end()
	l.setDeadline(due)
	if l.previous != nil {
		<-l.previous
	}
	for {
		due = l.waitUntil(ctx, due)
		tick := p.tickNotBefore(due)
		if !l.acquire(ctx, tick, p.maxWait(due, tick, l.job.Longest)) {
			if ctx.Err() != nil {
				return
			}
			due = tick
			l.setDeadline(due)
			continue
		}
		outcome := l.runOnce(ctx, p, due)
		if ctx.Err() != nil {
			return
		}
		completed()
		due = p.next(time.Now(), outcome)
		l.setDeadline(due)
	}
}

func (l *loop) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.nextDone)
	close(l.ended)
}

// requestRun wakes the loop, and returns a channel that is closed when the next run
// to begin has returned.
func (l *loop) requestRun() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.trigger <- struct{}{}:
	default: // an earlier request waits for the same run
	}
	return l.nextDone
}

// drainTrigger gives the requests so far to the run that begins now, and returns the
// channel to close when it has returned. Later requests need another run.
func (l *loop) drainTrigger() (done chan<- struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.trigger:
	default:
	}
	done, l.nextDone = l.nextDone, make(chan struct{})
	return done
}

// waitUntil returns at a time, or earlier where a run is requested or the context
// ends, and says when it returned.
func (l *loop) waitUntil(ctx context.Context, due time.Time) time.Time {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return due
	case <-l.trigger:
	case <-ctx.Done():
	}
	return time.Now()
}

// acquire waits for a slot, for at most maxWait unless that is zero, and reports
// whether it got one.
func (l *loop) acquire(ctx context.Context, tick time.Time, maxWait time.Duration) bool {
	l.clearDeadline()
	if maxWait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, maxWait)
		defer cancel()
	}
	if !l.limiter.acquire(ctx, l.job.Group, tick) {
		return false
	}
	l.setDeadline(time.Now())
	return true
}

// runOnce makes the run that was due at a time, and counts the ticks that it lasts
// into. If the run had to wait for a slot, they count as that much later. A run that
// does not return in its longest time is abandoned: its slot is free for others, and
// the end of the context is no longer held up by it.
func (l *loop) runOnce(ctx context.Context, p plan, due time.Time) Outcome {
	waited := time.Since(due)
	release := sync.OnceFunc(func() { l.limiter.release(l.job.Group) })
	defer release()
	defer close(l.drainTrigger())
	abandon := time.NewTimer(l.job.Longest + grace)
	defer abandon.Stop()
	var canceled <-chan struct{} // once the run is abandoned
	outcomes := make(chan Outcome, 1)
	go func() { outcomes <- l.job.Run(ctx) }()

	tick := due
	if tick.Before(p.origin) {
		tick = p.origin // never skipped, see the package's rules
	}
	tick = p.tickAfter(tick)
	skip := time.NewTimer(time.Until(tick.Add(waited)))
	defer skip.Stop()
	for {
		select {
		case outcome := <-outcomes:
			return outcome
		case <-skip.C:
			notify(l.job.Skipped)
			tick = p.tickAfter(later(tick, time.Now().Add(-waited))) // a process that was suspended missed several
			skip.Reset(time.Until(tick.Add(waited)))
		case <-abandon.C:
			release()
			l.clearDeadline()
			canceled = ctx.Done()
			notify(l.job.Abandoned)
		case <-canceled:
			return Outcome{}
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func notify(callback func()) {
	if callback != nil {
		callback()
	}
}

// setDeadline allows a run that begins at this time its longest duration.
func (l *loop) setDeadline(begin time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deadline = begin.Add(l.job.Longest + grace)
}

func (l *loop) clearDeadline() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deadline = time.Time{}
}

// overdue returns how long ago the deadline passed, 0 if it did not.
func (l *loop) overdue(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.deadline.IsZero() {
		return 0
	}
	return max(0, now.Sub(l.deadline))
}

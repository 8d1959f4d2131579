package schedule

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Scheduler runs jobs by the rules of this package.
type Scheduler struct {
	loops      []*loop
	firstRound chan struct{}
	pending    atomic.Int64 // first runs still to come
	stopped    atomic.Bool
}

// New returns a scheduler of these jobs. It panics where a job lacks a run or
// one of its durations is not positive.
func New(jobs []Job) *Scheduler {
	s := &Scheduler{firstRound: make(chan struct{})}
	for _, job := range jobs {
		job.check()
		s.loops = append(s.loops, &loop{job: job, now: make(chan struct{}, 1)})
	}
	s.pending.Store(int64(len(jobs)))
	return s
}

// Run makes runs until the context ends, which is the context of every run too.
// It returns when every run has returned. It may be called once.
func (s *Scheduler) Run(ctx context.Context) {
	defer s.stopped.Store(true)
	start := time.Now()
	spread := time.Duration(len(s.loops)) * stagger
	if len(s.loops) == 0 {
		close(s.firstRound)
	}
	var running sync.WaitGroup
	for _, l := range s.loops {
		plan, first := newPlan(l.job, start, spread)
		running.Go(func() { l.run(ctx, plan, first, sync.OnceFunc(s.ranFirst)) })
	}
	<-ctx.Done()
	running.Wait()
}

// RunNow has a job run at once, and reports whether there is one of this name. A run
// that is going already is the one that was asked for. The schedule stays as it is.
func (s *Scheduler) RunNow(name string) bool {
	for _, l := range s.loops {
		if l.job.Name == name {
			select {
			case l.now <- struct{}{}:
			default: // somebody wished for it already
			}
			return true
		}
	}
	return false
}

// ranFirst is called once by every loop.
func (s *Scheduler) ranFirst() {
	if s.pending.Add(-1) == 0 {
		close(s.firstRound)
	}
}

// FirstRound returns a channel that is closed when every job that the scheduler
// was started with has completed its first run, whatever came of it. A run
// that the end of the context cut short does not count.
func (s *Scheduler) FirstRound() <-chan struct{} { return s.firstRound }

// errStopped is what a scheduler says after Run has returned.
var errStopped = errors.New("the scheduler has stopped")

// Alive returns an error that names the jobs whose loop should have given a sign
// of life by now and has not: since its run fell due, or since a run began, more
// than the longest run and 10 s have passed. It is nil before Run, when nothing is
// due, and an error after Run has returned.
func (s *Scheduler) Alive(now time.Time) error {
	if s.stopped.Load() {
		return errStopped
	}
	var dead []error
	for _, l := range s.loops {
		if by, overdue := l.overdue(now); overdue {
			dead = append(dead, fmt.Errorf("job %q is overdue by %v", l.job.Name, by.Round(time.Millisecond)))
		}
	}
	return errors.Join(dead...)
}

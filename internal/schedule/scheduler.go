package schedule

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Scheduler runs jobs by the rules of this package.
type Scheduler struct {
	limiter    *limiter
	running    sync.WaitGroup // the loops
	firstRound chan struct{}

	mu      sync.Mutex       // guards what follows
	ctx     context.Context  // of Run; nil before
	stopped bool             // ctx has ended, and no more loops start
	jobs    []Job            // set before Run
	loops   map[string]*loop // by their jobs' names
	pending int              // first runs of the first round that are still to come
	// retired holds the ended channels of removed and changed jobs, by name.
	retired map[string]<-chan struct{}
}

// New returns a scheduler without jobs.
func New() *Scheduler {
	return &Scheduler{
		limiter:    newLimiter(),
		firstRound: make(chan struct{}),
		loops:      make(map[string]*loop),
		retired:    make(map[string]<-chan struct{}),
	}
}

// Set replaces the jobs, and the limit on how many runs may go on at once. It may be
// called at any time, also during Run; once the context of Run has ended it does
// nothing. It panics if a job has no Run, a duration that is not positive or the name
// of another, or if the limit is not positive.
func (s *Scheduler) Set(jobs []Job, limit int) {
	validate(jobs, limit)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limiter.configure(jobs, limit)
	switch {
	case s.ctx == nil:
		s.jobs = jobs
	case !s.stopped:
		s.retire(jobs)
		s.start(jobs, func() {})
	}
}

// Run makes runs until the context ends, and returns when every run has returned. It
// may be called once.
func (s *Scheduler) Run(ctx context.Context) {
	s.begin(ctx)
	<-ctx.Done()
	s.stop()
	s.running.Wait()
}

func (s *Scheduler) begin(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx = ctx
	s.pending = len(s.jobs)
	if s.pending == 0 {
		close(s.firstRound)
	}
	s.start(s.jobs, s.completeFirst)
}

func (s *Scheduler) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
}

// retire ends the loops of all jobs but those that are unchanged.
func (s *Scheduler) retire(jobs []Job) {
	maps.DeleteFunc(s.retired, func(_ string, ended <-chan struct{}) bool { return closed(ended) })
	unchanged := make(map[string]bool, len(jobs))
	for _, job := range jobs {
		l := s.loops[job.Name]
		unchanged[job.Name] = l != nil && l.job.same(job)
	}
	maps.DeleteFunc(s.loops, func(name string, l *loop) bool {
		if unchanged[name] {
			return false
		}
		l.cancel()
		s.retired[name] = l.ended
		return true
	})
}

// start starts loops for the jobs that have none. completedFirst is called once for
// each, after its first run or when its job is removed before that.
func (s *Scheduler) start(jobs []Job, completedFirst func()) {
	jobs = slices.DeleteFunc(slices.Clone(jobs), func(job Job) bool { return s.loops[job.Name] != nil })
	now, spread := time.Now(), time.Duration(len(jobs))*stagger
	for _, job := range jobs {
		l := newLoop(job, s.limiter, s.retired[job.Name])
		s.loops[job.Name] = l
		ctx, cancel := context.WithCancel(s.ctx)
		l.cancel = cancel
		p, first := newPlan(job, now, spread)
		completed := sync.OnceFunc(completedFirst)
		s.running.Go(func() {
			defer cancel()
			l.run(ctx, p, first, completed)
			if s.ctx.Err() == nil {
				completed()
			}
		})
	}
}

func (s *Scheduler) completeFirst() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending--; s.pending == 0 {
		close(s.firstRound)
	}
}

// FirstRound returns a channel that is closed when each job that was set before Run
// has completed its first run, with any outcome, or was removed or changed. A run that
// is cut short by the end of the context does not count.
func (s *Scheduler) FirstRound() <-chan struct{} { return s.firstRound }

// RunNow requests a run of a job that begins after the call, and reports whether the
// job is scheduled. done is closed when that run has returned, or when the job was
// removed or changed, or the context of Run ended, before there was one.
func (s *Scheduler) RunNow(name string) (done <-chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.loops[name]
	if l == nil || s.stopped {
		return nil, false
	}
	return l.requestRun(), true
}

// errStopped is returned by Alive once the context has ended.
var errStopped = errors.New("the scheduler has stopped")

// Alive returns an error that names the jobs whose loop is stuck: more than the
// longest run and 10 s have passed since its run was due, or since its run began. The
// time for which a run waits for a slot does not count. Alive returns nil before Run,
// and an error once the context of Run has ended.
func (s *Scheduler) Alive(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return errStopped
	}
	var stuck []error
	for _, name := range slices.Sorted(maps.Keys(s.loops)) {
		if by := s.loops[name].overdue(now); by > 0 {
			stuck = append(stuck, fmt.Errorf("job %q is overdue by %v", name, by.Round(time.Millisecond)))
		}
	}
	return errors.Join(stuck...)
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

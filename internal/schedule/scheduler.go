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
	slots      slots
	loops      sync.WaitGroup
	firstRound chan struct{}

	mu      sync.Mutex      // guards what follows
	ctx     context.Context // of the runs; nil before Run
	stopped bool            // the context has ended
	jobs    []Job           // set before Run
	// active are the loops by their jobs' names, and leaving the ends of those
	// whose last run may not have returned yet.
	active  map[string]*loop
	leaving map[string]<-chan struct{}
	pending int // first runs of the first round that are still to come
}

// New returns a scheduler without jobs.
func New() *Scheduler {
	return &Scheduler{
		slots:      slots{groups: make(map[string]*group)},
		firstRound: make(chan struct{}),
		active:     make(map[string]*loop),
		leaving:    make(map[string]<-chan struct{}),
	}
}

// Set replaces the jobs, and the number of runs that may go on at once. It may be
// called at any time, also during Run; after its context has ended it does nothing.
// It panics where a job cannot be scheduled: it lacks a run, one of its durations
// is not positive, two have the same name, or there is no slot.
func (s *Scheduler) Set(jobs []Job, slots int) {
	check(jobs, slots)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slots.divide(jobs, slots)
	switch {
	case s.ctx == nil:
		s.jobs = jobs
	case !s.stopped:
		s.retire(jobs)
		s.start(s.fresh(jobs), func() {})
	}
}

// Run makes runs until the context ends, which is the context of every run too.
// It returns when every run has returned. It may be called once.
func (s *Scheduler) Run(ctx context.Context) {
	s.begin(ctx)
	<-ctx.Done()
	s.stop()
	s.loops.Wait()
}

func (s *Scheduler) begin(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx = ctx
	s.pending = len(s.jobs)
	if s.pending == 0 {
		close(s.firstRound)
	}
	s.start(s.fresh(s.jobs), s.ranFirst)
}

// stop has no more loops start.
func (s *Scheduler) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
}

// retire ends the loops of all other jobs than these.
func (s *Scheduler) retire(jobs []Job) {
	maps.DeleteFunc(s.leaving, func(_ string, ended <-chan struct{}) bool { return closed(ended) })
	kept := make(map[string]*loop, len(jobs))
	for _, job := range jobs {
		if l, ok := s.active[job.Name]; ok && l.job.same(job) {
			kept[job.Name] = l
		}
	}
	for name, l := range s.active {
		if kept[name] == nil {
			l.end()
			s.leaving[name] = l.ended
		}
	}
	s.active = kept
}

// fresh makes loops of those jobs that have none.
func (s *Scheduler) fresh(jobs []Job) []*loop {
	var loops []*loop
	for _, job := range jobs {
		if s.active[job.Name] == nil {
			l := &loop{job: job, slots: &s.slots, now: make(chan struct{}, 1), after: s.leaving[job.Name], ended: make(chan struct{})}
			s.active[job.Name] = l
			loops = append(loops, l)
		}
	}
	return loops
}

// RunNow has a job run at once, and reports whether it is active. A run that is
// going already is the one that was asked for. Ticks stay where they are.
func (s *Scheduler) RunNow(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.active[name]
	if l == nil {
		return false
	}
	select {
	case l.now <- struct{}{}:
	default: // somebody wished for it already
	}
	return true
}

// start sets loops going. ranFirst is called once for each, after its first run or
// when its job is removed before that.
func (s *Scheduler) start(loops []*loop, ranFirst func()) {
	now, spread := time.Now(), time.Duration(len(loops))*stagger
	for _, l := range loops {
		ctx, end := context.WithCancel(s.ctx)
		l.end = end
		plan, first := newPlan(l.job, now, spread)
		ran := sync.OnceFunc(ranFirst)
		s.loops.Go(func() {
			defer end()
			l.run(ctx, plan, first, ran)
			if s.ctx.Err() == nil {
				ran()
			}
		})
	}
}

func (s *Scheduler) ranFirst() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending--; s.pending == 0 {
		close(s.firstRound)
	}
}

// FirstRound returns a channel that is closed when every job that was set before
// Run has completed its first run, whatever came of it, or was removed or changed.
// A run that the end of the context cut short does not count.
func (s *Scheduler) FirstRound() <-chan struct{} { return s.firstRound }

// errStopped is what a scheduler says once its context has ended.
var errStopped = errors.New("the scheduler has stopped")

// Alive returns an error that names the jobs whose loop should have given a sign
// of life by now and has not: since its run fell due, or since a run began, more
// than the longest run and 10 s have passed. It is nil before Run, when nothing is
// due, and an error once the context of Run has ended.
func (s *Scheduler) Alive(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return errStopped
	}
	var dead []error
	for _, name := range slices.Sorted(maps.Keys(s.active)) {
		if by, overdue := s.active[name].overdue(now); overdue {
			dead = append(dead, fmt.Errorf("job %q is overdue by %v", name, by.Round(time.Millisecond)))
		}
	}
	return errors.Join(dead...)
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

package schedule

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"time"
)

// limiter bounds how many runs go on at once, and keeps any one group from taking
// the slots that others need. Groups take turns; within a group the earliest tick
// goes first.
type limiter struct {
	mu     sync.Mutex // guards all of it, the groups included
	limit  int
	taken  int
	groups map[string]*group // by name; those with jobs, and those with runs left
	queue  []*group          // groups with a waiting run; the first is served next
}

// group is the jobs that depend on the same server.
type group struct {
	share   int // of the slots
	taken   int
	waiting []waiter // the earliest tick first
}

// waiter is a run that waits for a slot.
type waiter struct {
	tick     time.Time     // the tick whose run this is
	admitted chan struct{} // closed when it has a slot
}

func newLimiter() *limiter { return &limiter{groups: make(map[string]*group)} }

// configure sets the number of slots, and divides them among the jobs' groups.
func (l *limiter) configure(jobs []Job, limit int) {
	demands, total := make(map[string]float64), 0.0
	for _, job := range jobs {
		demands[job.Group] += job.demand()
		total += job.demand()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limit = limit
	for name, demand := range demands {
		l.group(name).share = shareOf(limit, demand/total)
	}
	maps.DeleteFunc(l.groups, func(name string, g *group) bool {
		_, wanted := demands[name]
		return !wanted && g.taken == 0 && len(g.waiting) == 0
	})
	l.admit()
}

// shareOf returns how many slots a part of the demand is worth: rounded up, at least
// one, and not all of them unless there is no other group.
func shareOf(limit int, part float64) int {
	const rounding = 1e-9
	if part > 1-rounding {
		return limit
	}
	return max(1, min(limit-1, int(math.Ceil(float64(limit)*part-rounding))))
}

// group returns the group of a name. A group that is new here has no share: its job
// was removed just as its run fell due.
func (l *limiter) group(name string) *group {
	g, ok := l.groups[name]
	if !ok {
		g = new(group)
		l.groups[name] = g
	}
	return g
}

// acquire waits for a slot for a run of the group. It returns false, without a slot,
// if the context ends before.
func (l *limiter) acquire(ctx context.Context, name string, tick time.Time) bool {
	w := l.enqueue(name, tick)
	select {
	case <-w.admitted:
	case <-ctx.Done():
	}
	if ctx.Err() == nil {
		return true
	}
	l.dequeue(name, w)
	return false
}

// release frees a slot that a run of the group held.
func (l *limiter) release(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free(l.groups[name])
}

func (l *limiter) enqueue(name string, tick time.Time) waiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	g, w := l.group(name), waiter{tick, make(chan struct{})}
	if len(g.waiting) == 0 {
		l.queue = append(l.queue, g)
	}
	at := len(g.waiting)
	for at > 0 && g.waiting[at-1].tick.After(tick) {
		at--
	}
	g.waiting = slices.Insert(g.waiting, at, w)
	l.admit()
	return w
}

// dequeue removes a waiter, or frees the slot if it was admitted meanwhile.
func (l *limiter) dequeue(name string, w waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.groups[name]
	at := slices.Index(g.waiting, w)
	if at < 0 {
		l.free(g)
		return
	}
	g.waiting = slices.Delete(g.waiting, at, at+1)
	if len(g.waiting) == 0 {
		l.queue = slices.DeleteFunc(l.queue, func(other *group) bool { return other == g })
	}
}

func (l *limiter) free(g *group) {
	l.taken--
	g.taken--
	l.admit()
}

// admit hands out the free slots. A group that got one goes to the end of the queue.
func (l *limiter) admit() {
	for at := 0; at < len(l.queue) && l.taken < l.limit; {
		g := l.queue[at]
		if !l.mayTake(g) {
			at++
			continue
		}
		l.taken++
		g.taken++
		close(g.waiting[0].admitted)
		g.waiting = g.waiting[1:]
		l.queue = slices.Delete(l.queue, at, at+1)
		if len(g.waiting) > 0 {
			l.queue = append(l.queue, g)
		}
	}
}

// mayTake reports whether the group may have one slot more: within its share, or
// while fewer than half of all slots are taken.
func (l *limiter) mayTake(g *group) bool { return g.taken < g.share || 2*l.taken < l.limit }

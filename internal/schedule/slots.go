package schedule

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"time"
)

// slots admits runs: so many at once, and of one group never so many that others
// have to wait for it.
type slots struct {
	mu     sync.Mutex // guards all of it, the groups included
	limit  int
	taken  int
	groups map[string]*group // by name; those that have jobs, or had until lately
	turns  []*group          // those with a run that waits; the first is next
}

// group is the runs that hang together.
type group struct {
	share   int // of the slots
	taken   int
	waiting []turn // one for each run, that of the earliest tick first
}

// turn is the place of a run in its group's line.
type turn struct {
	tick  time.Time     // whose work the run does
	comes chan struct{} // closed when it may go
}

// divide sets the number of slots and the groups' shares in them.
func (s *slots) divide(jobs []Job, limit int) {
	demands, total := make(map[string]float64), 0.0
	for _, job := range jobs {
		demands[job.Group] += job.demand()
		total += job.demand()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = limit
	for name, demand := range demands {
		s.group(name).share = shareOf(limit, demand/total)
	}
	maps.DeleteFunc(s.groups, func(name string, g *group) bool {
		_, wanted := demands[name]
		return !wanted && g.taken == 0 && len(g.waiting) == 0
	})
	s.admit()
}

// shareOf returns how many slots a part of the demand is worth: enough for the
// part, at least one, and not all unless there is nobody else.
func shareOf(limit int, part float64) int {
	const rounding = 1e-9
	if part > 1-rounding {
		return limit
	}
	return max(1, min(limit-1, int(math.Ceil(float64(limit)*part-rounding))))
}

// group returns the group of a name. One without a share is that of a job that was
// removed as its run fell due.
func (s *slots) group(name string) *group {
	g, ok := s.groups[name]
	if !ok {
		g = new(group)
		s.groups[name] = g
	}
	return g
}

// enter returns true when a run of the group has a slot, and false, without one,
// when the context ends before. Of the runs that wait the one of the earliest tick
// is let in first.
func (s *slots) enter(ctx context.Context, name string, tick time.Time) bool {
	turn := s.line(name, tick)
	select {
	case <-turn.comes:
	case <-ctx.Done():
	}
	if ctx.Err() == nil {
		return true
	}
	s.withdraw(name, turn)
	return false
}

// leave frees a slot that a run of the group had.
func (s *slots) leave(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free(s.groups[name])
}

func (s *slots) line(name string, tick time.Time) turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, last := s.group(name), turn{tick, make(chan struct{})}
	if len(g.waiting) == 0 {
		s.turns = append(s.turns, g)
	}
	at := len(g.waiting)
	for at > 0 && g.waiting[at-1].tick.After(tick) {
		at--
	}
	g.waiting = slices.Insert(g.waiting, at, last)
	s.admit()
	return last
}

// withdraw takes a run out of the line, or frees the slot that it just got.
func (s *slots) withdraw(name string, turn turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.groups[name]
	at := slices.Index(g.waiting, turn)
	if at < 0 {
		s.free(g)
		return
	}
	g.waiting = slices.Delete(g.waiting, at, at+1)
	if len(g.waiting) == 0 {
		s.turns = slices.DeleteFunc(s.turns, func(other *group) bool { return other == g })
	}
}

func (s *slots) free(g *group) {
	s.taken--
	g.taken--
	s.admit()
}

// admit hands out the slots that are free. A group that got one goes to the end
// of the turns.
func (s *slots) admit() {
	for at := 0; at < len(s.turns) && s.taken < s.limit; {
		g := s.turns[at]
		if !s.admits(g) {
			at++
			continue
		}
		s.taken++
		g.taken++
		close(g.waiting[0].comes)
		g.waiting = g.waiting[1:]
		s.turns = slices.Delete(s.turns, at, at+1)
		if len(g.waiting) > 0 {
			s.turns = append(s.turns, g)
		}
	}
}

// admits reports whether the group may have one slot more: within its share, or
// while half of all are free for others.
func (s *slots) admits(g *group) bool { return g.taken < g.share || 2*s.taken < s.limit }

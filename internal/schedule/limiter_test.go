package schedule

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// enough is the number of slots with which every job can hang.
func enough(jobs []Job) int {
	demand := 0.0
	for _, job := range jobs {
		demand += job.demand()
	}
	return int(math.Ceil(demand))
}

// crowd is many jobs, each with a history of its own.
type crowd struct {
	jobs      []Job
	histories []*history
}

// add adds jobs of one server, whose runs all do the same.
func (c *crowd) add(server string, count int, step func(context.Context) Outcome) (added []*history) {
	for i := range count {
		d := &history{start: time.Now()}
		job := named(fmt.Sprintf("%s-%d", server, i), d.job(step))
		job.Group = server
		c.jobs = append(c.jobs, job)
		added = append(added, d)
	}
	c.histories = append(c.histories, added...)
	return added
}

// run runs them for so many intervals, and holds everybody to what nobody may
// suffer: a skip, or to be taken for dead.
func (c *crowd) run(t *testing.T, slots, intervals int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(intervals)*interval)
	defer cancel()
	s := New()
	s.Set(c.jobs, slots)
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	for alive := time.NewTicker(time.Second); ctx.Err() == nil; <-alive.C {
		if err := s.Alive(time.Now()); err != nil {
			t.Errorf("after %v: %v", time.Since(c.histories[0].start), err)
		}
	}
	<-ended
	for i, d := range c.histories {
		if skips := d.read(&d.skips); len(skips) > 0 {
			t.Errorf("%s skipped at %v", c.jobs[i].Name, skips)
		}
	}
}

// late returns the longest that any run began after its tick. The histories are
// those of the first jobs.
func late(histories []*history, jobs []Job) (worst time.Duration) {
	for i, d := range histories {
		due := tickOf(jobs[i].Name)
		for _, at := range d.read(&d.runs) {
			if at >= due { // the first run may come before the first tick
				worst = max(worst, (at-due)%interval)
			}
		}
	}
	return worst
}

// hangs is a run that lasts as long as one may.
var hangs = lasts(longestRun, Outcome{Verdict: "hangs"})

var quick = lasts(50*time.Millisecond, Outcome{Verdict: "ok"})

// What hangs delays nobody else, with whatever number of slots.
func TestHangingServerDelaysNoOther(t *testing.T) {
	for name, test := range map[string]struct {
		groups, each int // of hanging and of healthy jobs, each
		slots        int // 0: enough for all
	}{
		"a server under half of 1 000":        {groups: 1, each: 500},
		"the same with few slots":             {groups: 1, each: 500, slots: 10},
		"100 servers of 200, five jobs each":  {groups: 100, each: 5},
		"500 servers of 1 000, one job each":  {groups: 500, each: 1},
		"one job of two":                      {groups: 1, each: 1, slots: 2},
		"three servers of six, and few slots": {groups: 3, each: 20, slots: 40},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var c crowd
				var well []*history
				for i := range test.groups {
					well = append(well, c.add(fmt.Sprintf("well-%d", i), test.each, quick)...)
				}
				for i := range test.groups {
					c.add(fmt.Sprintf("bad-%d", i), test.each, hangs)
				}
				slots := test.slots
				if slots == 0 {
					slots = enough(c.jobs)
				}
				c.run(t, slots, 10)
				if by := late(well, c.jobs); by != 0 {
					t.Errorf("a run began %v late", by)
				}
				for i, d := range well {
					if runs := d.read(&d.runs); len(runs) < 10 || runs[0] != firstOf(c.jobs[i].Name, len(c.jobs)) {
						t.Errorf("%s ran at %v", c.jobs[i].Name, runs)
					}
				}
			})
		})
	}
}

// With enough slots everything may hang: every job still runs once in every
// interval, and begins well before the next.
func TestEverythingHangs(t *testing.T) {
	const intervals = 10
	for name, groups := range map[string]int{"one server": 1, "ten servers": 10, "200 servers": 200} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var c crowd
				for i := range groups {
					c.add(fmt.Sprint(i), 1000/groups, hangs)
				}
				c.run(t, enough(c.jobs), intervals)
				for i, d := range c.histories {
					if runs := d.read(&d.runs); len(runs) < intervals-1 {
						t.Errorf("%s ran %d times in %d intervals: %v", c.jobs[i].Name, len(runs), intervals, runs)
					}
				}
				worst := late(c.histories, c.jobs)
				t.Logf("the latest run began %v after its tick", worst)
				if worst > interval-longestRun {
					t.Errorf("a run began %v after its tick, and lasted into the next", worst)
				}
			})
		})
	}
}

// When a server begins to hang, every job changes its verdict and is rechecked, which
// is more runs than there are slots for. That is at the rechecks' expense: from one run
// of a job to the next it is never much more than an interval, however long it hangs.
func TestEverythingBeginsToHang(t *testing.T) {
	for _, hanging := range []time.Duration{12 * time.Second, 15 * time.Second, 18 * time.Second, 20 * time.Second, longestRun} {
		t.Run(hanging.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now().Add(3 * interval)
				hang := lasts(hanging, Outcome{Verdict: "hangs"})
				var c crowd
				c.add("a", 1000, func(ctx context.Context) Outcome {
					if time.Now().Before(began) {
						return quick(ctx)
					}
					return hang(ctx)
				})
				c.run(t, enough(c.jobs), 10)
				var worst time.Duration
				for _, d := range c.histories {
					runs := d.read(&d.runs)
					for i := range runs[1:] {
						worst = max(worst, runs[i+1]-runs[i])
					}
				}
				t.Logf("the longest time from one run to the next was %v", worst)
				if worst > interval+5*time.Second {
					t.Errorf("a job had no run for %v", worst)
				}
			})
		})
	}
}

// A run that waits for a slot is late, not skipped and not dead; the next ticks
// decide again.
func TestWaitingIsNoSkip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c crowd
		c.add("bad", 7, hangs)
		c.run(t, 1, 20)
		for i, d := range c.histories {
			// Seven times 22 s are 154 s: every third tick finds a slot.
			if runs := d.read(&d.runs); len(runs) < 6 || len(runs) > 9 {
				t.Errorf("%s ran at %v, want about seven runs in 20 intervals", c.jobs[i].Name, runs)
			}
		}
	})
}

func TestEndAndRemovalWhileWaitingForASlot(t *testing.T) {
	pair := func(d *history) []Job {
		return []Job{named("a", d.job(lasts(time.Hour, Outcome{}))), named("b", d.job(lasts(time.Hour, Outcome{})))}
	}
	withScheduler(t, pair, func(t *testing.T, s *Scheduler, d *history) {
		s.Set(pair(d), 1)
		time.Sleep(30 * time.Second)
		if runs := d.read(&d.runs); len(runs) != 1 {
			t.Fatalf("%d runs with one slot", len(runs))
		}
		if err := s.Alive(time.Now()); err != nil {
			t.Errorf("while one waits for a slot: %v", err)
		}
		s.Set(pair(d)[:1], 1) // either the one that runs or the one that waits is removed
		synctest.Wait()
		if runs := d.read(&d.runs); len(runs) > 2 || s.limiter.taken != 1 {
			t.Errorf("%d runs, %d slots taken", len(runs), s.limiter.taken)
		}
	})
}

func TestGroupsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLimiter()
		jobs := []Job{{Group: "a", Interval: 1, Longest: 1}, {Group: "b", Interval: 1, Longest: 1}, {Group: "c", Interval: 1, Longest: 1}}
		s.configure(jobs, 1)
		if !s.acquire(t.Context(), "a", time.Time{}) {
			t.Fatal("no slot although none is taken")
		}
		var order []string
		for _, name := range []string{"a", "a", "a", "b", "b", "c"} {
			go func() {
				if s.acquire(t.Context(), name, time.Time{}) {
					order = append(order, name)
					s.release(name)
				}
			}()
			synctest.Wait()
		}
		s.release("a")
		synctest.Wait()
		if want := []string{"a", "b", "c", "a", "b", "a"}; !slices.Equal(order, want) {
			t.Errorf("slots went to %q, want %q", order, want)
		}
	})
}

func TestTicksBeforeRechecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLimiter()
		s.configure([]Job{{Group: "a", Interval: 1, Longest: 1}}, 1)
		if !s.acquire(t.Context(), "a", time.Now()) {
			t.Fatal("no slot although none is taken")
		}
		var order []int
		for _, tick := range []int{60, 2, 1, 61, 1} {
			go func() {
				if s.acquire(t.Context(), "a", time.Now().Add(time.Duration(tick)*time.Second)) {
					order = append(order, tick)
					s.release("a")
				}
			}()
			synctest.Wait()
		}
		s.release("a")
		synctest.Wait()
		if want := []int{1, 1, 2, 60, 61}; !slices.Equal(order, want) {
			t.Errorf("slots went to ticks %v, want %v", order, want)
		}
	})
}

func TestShares(t *testing.T) {
	for _, tt := range []struct {
		slots int
		part  float64
		want  int
	}{
		{slots: 1, part: 1, want: 1},
		{slots: 1, part: 0.5, want: 1},
		{slots: 2, part: 0.999, want: 1},
		{slots: 10, part: 0.5, want: 5},
		{slots: 10, part: 0.51, want: 6},
		{slots: 10, part: 0.999, want: 9},
		{slots: 10, part: 0.001, want: 1},
		{slots: 367, part: 1, want: 367},
		{slots: 32, part: 1.0 / 3, want: 11},
	} {
		if got := shareOf(tt.slots, tt.part); got != tt.want {
			t.Errorf("%v of %d slots are %d, want %d", tt.part, tt.slots, got, tt.want)
		}
	}
}

package schedule

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// simulated is a job whose runs come out at random, and what is recorded of them.
type simulated struct {
	history
	random   *rand.Rand
	interval time.Duration
	ends     []time.Duration
	outcomes []Outcome
	requests []time.Duration
}

// run makes one run: one in a hundred hangs for hours, and many verdicts differ from the last.
func (s *simulated) run(ctx context.Context) Outcome {
	s.record(&s.runs)
	length := time.Duration(s.random.Int64N(int64(10 * time.Second)))
	outcome := Outcome{Verdict: "ok", RetryAfter: time.Duration(s.random.Int64N(int64(6*s.interval))) - s.interval}
	switch n := s.random.IntN(100); {
	case n < 1:
		length = time.Duration(s.random.Int64N(int64(5 * s.interval)))
	case n < 4:
		outcome.Backoff, outcome.Verdict = true, "limited"
	case n < 7:
		outcome.Incomplete = true
	case n < 20:
		outcome.Verdict = "bad"
	case n < 22:
		outcome.Verdict = ""
	}
	outcome = lasts(length, outcome)(ctx)
	if ctx.Err() == nil {
		s.record(&s.ends)
		s.outcomes = append(s.outcomes, outcome)
	}
	return outcome
}

// tick returns the tick at or after an offset.
func (s *simulated) tick(at time.Duration) time.Duration {
	origin := scale(phaseOf("default"), s.interval)
	return origin + max(0, (at-origin+s.interval-1)/s.interval)*s.interval
}

// TestSimulatedYear checks the rules of the package for a year of runs that hang, flap, are asked to
// back off, are incomplete and are requested: each run begins when a rule says so, none is missing
// and none is one too many.
func TestSimulatedYear(t *testing.T) {
	for _, test := range []struct{ interval, duration time.Duration }{{time.Hour, 365 * 24 * time.Hour}, {time.Minute, 7 * 24 * time.Hour}} {
		for seed := range uint64(3) {
			synctest.Test(t, func(t *testing.T) {
				s := &simulated{history: history{start: time.Now()}, random: rand.New(rand.NewPCG(seed, 0)), interval: test.interval}
				scheduler := scheduling(Job{
					Name: "default", Interval: test.interval, Recheck: recheck, Longest: longestRun, Run: s.run, Skipped: func() { s.record(&s.skips) },
				})
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() { scheduler.Run(ctx); close(ended) }()
				when := rand.New(rand.NewPCG(seed, 1))
				for time.Since(s.start) < test.duration {
					time.Sleep(time.Duration(when.Int64N(int64(20 * test.interval))))
					s.record(&s.requests)
					scheduler.RunNow("default")
				}
				time.Sleep(6 * test.interval) // a run that hangs ends
				cancel()
				<-ended
				s.check(t, seed)
			})
		}
	}
}

func (s *simulated) check(t *testing.T, seed uint64) {
	t.Helper()
	runs, skips, rechecks, verdict, requests := s.runs, 0, 0, "", s.requests
	for i, end := range s.ends[:len(s.ends)-1] {
		for at := s.tick(runs[i] + 1); at < end; at += s.interval {
			if at > s.tick(0) {
				skips++
			}
		}
		outcome, next := s.outcomes[i], runs[i+1]
		changed := !outcome.Incomplete && outcome.Verdict != "" && verdict != "" && outcome.Verdict != verdict
		if !outcome.Incomplete && outcome.Verdict != "" {
			verdict = outcome.Verdict
		}
		pause := max(outcome.RetryAfter, 0)
		due := s.tick(end + 1)
		switch {
		case outcome.Incomplete:
			due = end + min(pause, s.interval)
		case outcome.Backoff:
			due, rechecks = s.tick(end+min(pause, maxBackoff*s.interval)), 0
		case changed && rechecks < maxRechecks:
			due = end + recheck
			rechecks++
		default:
			rechecks = 0
		}
		at, _ := slices.BinarySearch(requests, runs[i]+1)
		if at < len(requests) { // the first one that this run does not answer
			due = min(due, max(end, requests[at]))
		}
		if next != due {
			t.Fatalf("seed %d: run %d ended at %v with %+v, and the next began at %v, want %v", seed, i, end, outcome, next, due)
		}
	}
	if len(s.skips) != skips {
		t.Errorf("seed %d: %d ticks were counted as skipped, want %d", seed, len(s.skips), skips)
	}
	t.Logf("seed %d: %d runs, %d skipped ticks, %d requests in %v", seed, len(runs), skips, len(requests), s.ends[len(s.ends)-1])
}

// A process that was suspended between two runs makes one run when it wakes, and is back on its ticks.
func TestSuspendedBetweenRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &history{start: time.Now()}
		job := d.job(reports("ok"))
		asleep := d.start.Add(-72*time.Hour - 10*time.Second)
		p, due := newPlan(job, asleep, stagger)
		slots := newLimiter()
		slots.configure([]Job{job}, plenty)
		l := newLoop(job, slots, nil)
		ctx, cancel := context.WithCancel(t.Context())
		go l.run(ctx, p, due, func() {})
		time.Sleep(2 * interval)
		next := p.tickAfter(d.start).Sub(d.start)
		d.expect(t, "runs", &d.runs, 0, next, next+interval)
		d.expect(t, "skips", &d.skips)
		cancel()
		<-l.ended
	})
}

// A process that was suspended during a run does not count the ticks that it missed, and is back on its
// ticks when the run has ended.
func TestSuspendedDuringARun(t *testing.T) {
	withScheduler(t, func(d *history) []Job {
		job := d.job(reports("ok"), lasts(72*time.Hour+90*time.Second, Outcome{Verdict: "ok"}), reports("ok"))
		suspend := sync.OnceFunc(func() { time.Sleep(72 * time.Hour) }) // the loop does not run meanwhile
		job.Skipped = func() {
			d.record(&d.skips)
			suspend()
		}
		return []Job{job}
	}, func(t *testing.T, s *Scheduler, d *history) {
		time.Sleep(firstTick + 72*time.Hour + 3*interval + time.Second)
		d.expect(t, "skips", &d.skips, firstTick+interval)
		d.expect(t, "runs", &d.runs, firstRun, firstTick, firstTick+72*time.Hour+2*interval, firstTick+72*time.Hour+3*interval)
	})
}

// However far the clock has moved on when a run ends, the next one is due within the time that the rules
// name: after four intervals at most.
func TestClockThatJumps(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := plan{interval: interval, recheck: recheck, origin: start}
	for range 100_000 {
		end := start.Add(time.Duration(random.Int64N(math.MaxInt64 / 2)))
		outcome := Outcome{
			Verdict: []string{"", "ok", "bad"}[random.IntN(3)], Backoff: random.IntN(9) == 0, Incomplete: random.IntN(9) == 0,
			RetryAfter: time.Duration(random.Uint64()),
		}
		latest := interval
		if outcome.Backoff {
			latest = (maxBackoff + 1) * interval
		}
		if wait := p.next(end, outcome).Sub(end); wait < 0 || wait > latest {
			t.Fatalf("after a run that ended at %v with %+v the next is due in %v", end, outcome, wait)
		}
	}
}

package schedule

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	interval   = time.Minute
	recheck    = 10 * time.Second
	longestRun = 22 * time.Second
	plenty     = 1 << 20 // slots
)

// firstRun and firstTick are where job's first run and its ticks lie, on a scheduler of
// one job.
var (
	firstRun  = scale(phaseOf("default"), stagger)
	firstTick = scale(phaseOf("default"), interval)
)

// history records when things happened, as offsets from the bubble's start.
type history struct {
	mu    sync.Mutex // guards what follows
	start time.Time
	runs  []time.Duration
	skips []time.Duration
}

func (d *history) record(list *[]time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*list = append(*list, time.Since(d.start))
}

// read returns a list once all goroutines are blocked.
func (d *history) read(list *[]time.Duration) []time.Duration {
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(*list)
}

func (d *history) expect(t *testing.T, name string, list *[]time.Duration, want ...time.Duration) {
	t.Helper()
	if diff := cmp.Diff(want, d.read(list)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// job returns a job whose n-th run does what the n-th step says, and the last
// step for ever after.
func (d *history) job(steps ...func(context.Context) Outcome) Job {
	n := 0
	return Job{
		Name: "default", Interval: interval, Recheck: recheck, Longest: longestRun,
		Skipped: func() { d.record(&d.skips) },
		Run: func(ctx context.Context) Outcome {
			d.record(&d.runs)
			step := steps[min(n, len(steps)-1)]
			n++
			return step(ctx)
		},
	}
}

// lasts is a run of a given length that heeds its context.
func lasts(length time.Duration, outcome Outcome) func(context.Context) Outcome {
	return func(ctx context.Context) Outcome {
		select {
		case <-time.After(length):
			return outcome
		case <-ctx.Done():
			return Outcome{}
		}
	}
}

func reports(verdict string) func(context.Context) Outcome {
	return lasts(time.Second, Outcome{Verdict: verdict})
}

// withScheduler runs a test in a bubble, and a scheduler of the jobs in it that has
// ended before the bubble does.
func withScheduler(t *testing.T, jobs func(*history) []Job, test func(t *testing.T, s *Scheduler, d *history)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &history{start: time.Now()}
		s := New()
		s.Set(jobs(d), plenty)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { s.Run(ctx); close(ended) }()
		defer func() { cancel(); <-ended }()
		test(t, s, d)
	})
}

func scheduling(jobs ...Job) *Scheduler {
	s := New()
	s.Set(jobs, plenty)
	return s
}

func oneJob(steps ...func(context.Context) Outcome) func(*history) []Job {
	return func(d *history) []Job { return []Job{d.job(steps...)} }
}

func TestRunsKeepToThePhaseGrid(t *testing.T) {
	uneven := []func(context.Context) Outcome{
		lasts(time.Millisecond, Outcome{Verdict: "ok"}), lasts(21*time.Second, Outcome{Verdict: "ok"}), reports("ok"),
	}
	withScheduler(t, oneJob(uneven...), func(t *testing.T, s *Scheduler, d *history) {
		time.Sleep(firstTick + 3*interval + time.Second)
		d.expect(t, "runs", &d.runs, firstRun, firstTick, firstTick+interval, firstTick+2*interval, firstTick+3*interval)
		d.expect(t, "skips", &d.skips)
	})
}

func TestGridDoesNotDrift(t *testing.T) {
	withScheduler(t, oneJob(reports("ok")), func(t *testing.T, s *Scheduler, d *history) {
		time.Sleep(firstTick + 1000*interval + time.Second)
		runs := d.read(&d.runs)
		if last := runs[len(runs)-1]; len(runs) != 1002 || last != firstTick+1000*interval {
			t.Errorf("run %d at %v, want run 1002 at %v", len(runs), last, firstTick+1000*interval)
		}
	})
}

func TestManyJobsAreSpread(t *testing.T) {
	for _, tt := range []struct {
		jobs    int
		over    time.Duration // the first round
		busiest int           // runs that begin within one second, at most
		runs    int           // of each job in ten intervals
	}{
		{jobs: 20, over: 2 * time.Second, busiest: 15, runs: 11},
		{jobs: 1000, over: interval, busiest: 40, runs: 10}, // the first run is the first tick
	} {
		many := func(d *history) []Job {
			jobs := make([]Job, tt.jobs)
			for i := range jobs {
				jobs[i] = d.job(reports("ok"))
				jobs[i].Name = fmt.Sprintf("target-%d", i)
			}
			return jobs
		}
		withScheduler(t, many, func(t *testing.T, s *Scheduler, d *history) {
			time.Sleep(tt.over)
			round := d.read(&d.runs)
			slices.Sort(round)
			for i, at := range round {
				until, _ := slices.BinarySearch(round, at+time.Second)
				if until-i > tt.busiest {
					t.Fatalf("%d of %d jobs began within one second", until-i, tt.jobs)
				}
			}
			<-s.FirstRound()
			if took := time.Since(d.start); took > tt.over+time.Second || took < tt.over*8/10 {
				t.Errorf("the first round of %d jobs took %v, want about %v", tt.jobs, took, tt.over)
			}
			time.Sleep(time.Until(d.start.Add(10 * interval)))
			if got := len(d.read(&d.runs)); got != tt.runs*tt.jobs {
				t.Errorf("%d jobs made %d runs in ten intervals, want %d", tt.jobs, got, tt.runs*tt.jobs)
			}
			d.expect(t, "skips", &d.skips)
		})
	}
}

func TestTicksDuringARunAreSkippedAndCounted(t *testing.T) {
	const hang = 150 * time.Second
	withScheduler(t, oneJob(reports("ok"), lasts(hang, Outcome{Verdict: "ok"}), reports("ok")), func(t *testing.T, s *Scheduler, d *history) {
		time.Sleep(firstTick + interval + time.Second)
		d.expect(t, "skips while the run is going", &d.skips, firstTick+interval)
		time.Sleep(2 * interval)
		d.expect(t, "skips", &d.skips, firstTick+interval, firstTick+2*interval)
		d.expect(t, "runs", &d.runs, firstRun, firstTick, firstTick+3*interval)
	})
}

func TestFirstTickIsNoSkipWhileTheFirstRunIsGoing(t *testing.T) {
	withScheduler(t, oneJob(lasts(20*time.Second, Outcome{Verdict: "bad"}), reports("bad")), func(t *testing.T, s *Scheduler, d *history) {
		time.Sleep(2 * interval)
		d.expect(t, "runs", &d.runs, firstRun, firstTick+interval)
		d.expect(t, "skips", &d.skips)
	})
	withScheduler(t, oneJob(lasts(80*time.Second, Outcome{Verdict: "bad"}), reports("bad")), func(t *testing.T, s *Scheduler, d *history) {
		time.Sleep(2*interval + firstTick + time.Second)
		d.expect(t, "runs", &d.runs, firstRun, firstTick+2*interval)
		d.expect(t, "skips", &d.skips, firstTick+interval)
	})
}

func TestRechecks(t *testing.T) {
	const pause = recheck + time.Second // reports takes a second
	for _, tt := range []struct {
		name  string
		steps []func(context.Context) Outcome
		want  []time.Duration
	}{
		{
			"until two agree",
			[]func(context.Context) Outcome{reports("ok"), reports("bad")},
			[]time.Duration{firstRun, firstTick, firstTick + pause, firstTick + interval},
		},
		{
			"flapping",
			[]func(context.Context) Outcome{reports("ok"), reports("bad"), reports("ok")},
			[]time.Duration{firstRun, firstTick, firstTick + pause, firstTick + 2*pause, firstTick + interval},
		},
		{
			"at most three",
			[]func(context.Context) Outcome{reports("a"), reports("b"), reports("a"), reports("b"), reports("a")},
			[]time.Duration{firstRun, firstTick, firstTick + pause, firstTick + 2*pause, firstTick + 3*pause, firstTick + interval},
		},
		{
			"counted from the end of the run",
			[]func(context.Context) Outcome{reports("ok"), lasts(20*time.Second, Outcome{Verdict: "bad"}), reports("bad")},
			[]time.Duration{firstRun, firstTick, firstTick + 30*time.Second, firstTick + interval},
		},
		{
			"none if the server asked to back off",
			[]func(context.Context) Outcome{reports("ok"), lasts(time.Second, Outcome{Verdict: "limited", Backoff: true})},
			[]time.Duration{firstRun, firstTick, firstTick + interval},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withScheduler(t, oneJob(tt.steps...), func(t *testing.T, s *Scheduler, d *history) {
				time.Sleep(firstTick + interval + time.Second)
				d.expect(t, "runs", &d.runs, tt.want...)
				d.expect(t, "skips", &d.skips)
			})
		})
	}
}

func TestWaitingRecheckAbsorbsTheTick(t *testing.T) {
	slow := lasts(55*time.Second, Outcome{Verdict: "bad"})
	withScheduler(t, oneJob(reports("ok"), slow, reports("bad")), func(t *testing.T, s *Scheduler, d *history) {
		time.Sleep(firstTick + 2*interval + time.Second)
		d.expect(t, "runs", &d.runs, firstRun, firstTick, firstTick+65*time.Second, firstTick+2*interval)
		d.expect(t, "skips", &d.skips)
	})
}

func TestTickDuringARecheckIsCounted(t *testing.T) {
	change, confirm := lasts(30*time.Second, Outcome{Verdict: "bad"}), lasts(22*time.Second, Outcome{Verdict: "bad"})
	withScheduler(t, oneJob(reports("ok"), change, confirm), func(t *testing.T, s *Scheduler, d *history) {
		time.Sleep(firstTick + 2*interval + time.Second)
		d.expect(t, "runs", &d.runs, firstRun, firstTick, firstTick+40*time.Second, firstTick+2*interval)
		d.expect(t, "skips", &d.skips, firstTick+interval)
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	limited := lasts(time.Second, Outcome{Verdict: "limited", Backoff: true, RetryAfter: 150 * time.Second})
	withScheduler(t, oneJob(reports("ok"), limited, reports("ok")), func(t *testing.T, s *Scheduler, d *history) {
		time.Sleep(firstTick + 4*interval + time.Second)
		d.expect(t, "runs", &d.runs, firstRun, firstTick, firstTick+3*interval, firstTick+3*interval+recheck+time.Second, firstTick+4*interval)
		d.expect(t, "skips", &d.skips)
	})
}

func TestEndWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &history{start: time.Now()}
		ctx, cancel := context.WithTimeout(t.Context(), firstTick/2)
		defer cancel()
		scheduling(d.job(reports("ok"))).Run(ctx)
		if ended := time.Since(d.start); ended != firstTick/2 {
			t.Errorf("ended after %v, want %v", ended, firstTick/2)
		}
		d.expect(t, "runs", &d.runs, firstRun)
	})
}

func TestEndWaitsForTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &history{start: time.Now()}
		returned := false
		slow := func(ctx context.Context) Outcome {
			<-ctx.Done()
			time.Sleep(2 * time.Second)
			returned = true
			return Outcome{}
		}
		ctx, cancel := context.WithTimeout(t.Context(), firstTick)
		defer cancel()
		s := scheduling(d.job(slow))
		s.Run(ctx)
		if !returned || time.Since(d.start) != firstTick+2*time.Second {
			t.Errorf("ended after %v with the run returned %v", time.Since(d.start), returned)
		}
		select {
		case <-s.FirstRound():
			t.Error("a run that was cut short completed the first round")
		default:
		}
	})
}

func TestNoRunAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &history{start: time.Now()}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		scheduling(d.job(reports("ok"))).Run(ctx)
		d.expect(t, "runs", &d.runs)
	})
}

func TestFirstRound(t *testing.T) {
	done := func(s *Scheduler) bool {
		select {
		case <-s.FirstRound():
			return true
		default:
			return false
		}
	}
	slow := func(d *history) []Job {
		short, hanging := d.job(reports("ok")), d.job(lasts(30*time.Second, Outcome{}))
		short.Name, hanging.Name = "quick", "hanging"
		return []Job{short, hanging}
	}
	withScheduler(t, slow, func(t *testing.T, s *Scheduler, d *history) {
		time.Sleep(30 * time.Second)
		if done(s) {
			t.Error("the first round is over although one run is not")
		}
		time.Sleep(5 * time.Second)
		if !done(s) {
			t.Error("the first round never ended")
		}
	})
	withScheduler(t, func(*history) []Job { return nil }, func(t *testing.T, s *Scheduler, d *history) {
		synctest.Wait()
		if !done(s) {
			t.Error("without jobs the first round never ended")
		}
		if err := s.Alive(time.Now()); err != nil {
			t.Errorf("without jobs: %v", err)
		}
	})
}

func TestAlive(t *testing.T) {
	stuck := func(context.Context) Outcome { time.Sleep(3 * longestRun); return Outcome{Verdict: "ok"} }
	withScheduler(t, oneJob(reports("ok"), stuck, reports("ok")), func(t *testing.T, s *Scheduler, d *history) {
		alive := func(at time.Duration) {
			t.Helper()
			time.Sleep(at - time.Since(d.start))
			if err := s.Alive(time.Now()); err != nil {
				t.Errorf("after %v: %v", at, err)
			}
		}
		alive(0)
		alive(firstTick - 1)
		alive(firstTick + longestRun)
		alive(firstTick + longestRun + grace)
		alive(firstTick + longestRun + grace + time.Second) // abandoned: one job's run is not the process's
		alive(firstTick + 3*longestRun + time.Second)
		alive(firstTick + 2*interval)
		// Nobody tends a loop of a process that was stopped: the answer is the caller's clock's.
		if s.Alive(time.Now().Add(interval+longestRun+2*grace)) == nil {
			t.Error("a loop that gives no sign of life is alive")
		}
	})
}

// A run that never returns costs its own job alone.
func TestRunIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, forever := &history{start: time.Now()}, make(chan struct{})
		defer close(forever)
		abandoned := 0
		hangs := d.job(func(context.Context) Outcome { <-forever; return Outcome{} })
		hangs.Name, hangs.Abandoned = "hangs", func() { abandoned++ }
		other := d.job(reports("ok"), reports("ok"), reports("ok"))
		s := New()
		s.Set([]Job{hangs, other}, 1) // one slot, which the run that hangs takes
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); s.Run(ctx) }()
		time.Sleep(3 * interval)
		synctest.Wait()
		if err := s.Alive(time.Now()); err != nil || abandoned != 1 || len(d.read(&d.runs)) < 3 {
			t.Errorf("alive: %v, %d runs abandoned, %d runs of both, want alive, 1, and the other job's", err, abandoned, len(d.read(&d.runs)))
		}
		cancel()
		synctest.Wait()
		select {
		case <-ended:
		default:
			t.Error("the scheduler does not end, since a run never returns")
		}
	})
}

func TestAliveBeforeAndAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &history{start: time.Now()}
		s := scheduling(d.job(reports("ok")))
		if err := s.Alive(time.Now().Add(time.Hour)); err != nil {
			t.Errorf("before the start: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), interval)
		defer cancel()
		s.Run(ctx)
		if s.Alive(time.Now()) == nil {
			t.Error("alive after the end")
		}
	})
}

func TestSetRefusesWhatCannotRun(t *testing.T) {
	whole := Job{Name: "whole", Interval: 1, Recheck: 1, Longest: 1, Run: reports("ok")}
	for name, test := range map[string]struct {
		job   Job
		slots int
	}{
		"run":        {Job{Interval: 1, Recheck: 1, Longest: 1}, 1},
		"interval":   {Job{Recheck: 1, Longest: 1, Run: whole.Run}, 1},
		"recheck":    {Job{Interval: 1, Longest: 1, Run: whole.Run}, 1},
		"longestRun": {Job{Interval: 1, Recheck: 1, Run: whole.Run}, 1},
		"name":       {whole, 1},
		"slots":      {Job{Interval: 1, Recheck: 1, Longest: 1, Run: whole.Run}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("accepted")
				}
			}()
			New().Set([]Job{whole, test.job}, test.slots)
		})
	}
}

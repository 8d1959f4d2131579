package schedule

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// request requests a run of the job "default". The returned function waits for its
// end, and fails the test unless the last run began after the request.
func request(t *testing.T, s *Scheduler, d *history) (wait func()) {
	t.Helper()
	at := time.Since(d.start)
	done, ok := s.RunNow("default")
	if !ok {
		t.Fatal("the job is not scheduled")
	}
	return func() {
		t.Helper()
		<-done
		runs := d.read(&d.runs)
		if len(runs) == 0 || runs[len(runs)-1] < at {
			t.Errorf("a request at %v was answered after runs at %v", at, runs)
		}
	}
}

func TestRunNowBetweenRuns(t *testing.T) {
	withScheduler(t, oneJob(reports("ok")), func(t *testing.T, s *Scheduler, d *history) {
		time.Sleep(firstTick + 10*time.Second)
		request(t, s, d)()
		if ended := time.Since(d.start); ended != firstTick+11*time.Second {
			t.Errorf("the request was answered at %v", ended)
		}
		if _, ok := s.RunNow("other"); ok {
			t.Error("a job of another name is scheduled")
		}
		time.Sleep(interval)
		d.expect(t, "runs", &d.runs, firstRun, firstTick, firstTick+10*time.Second, firstTick+interval)
		d.expect(t, "skips", &d.skips)
	})
}

// Requests that come during a run, be it at its last instant, make one more run.
func TestRunNowDuringARun(t *testing.T) {
	for name, offsets := range map[string][]time.Duration{
		"at its beginning":       {0},
		"in its middle":          {500 * time.Millisecond},
		"at its last instant":    {time.Second},
		"just before its end":    {time.Second - 1},
		"again and again":        {0, 1, 500 * time.Millisecond, 900 * time.Millisecond, time.Second - 1},
		"by several at one time": {time.Second / 2, time.Second / 2, time.Second / 2},
	} {
		t.Run(name, func(t *testing.T) {
			withScheduler(t, oneJob(reports("ok")), func(t *testing.T, s *Scheduler, d *history) {
				var waits []func()
				for _, offset := range offsets {
					time.Sleep(time.Until(d.start.Add(firstTick + offset)))
					waits = append(waits, request(t, s, d))
				}
				for _, wait := range waits {
					wait()
				}
				time.Sleep(interval)
				runs := d.read(&d.runs)
				if len(runs) > 4 || offsets[0] > 0 && (len(runs) != 4 || runs[2] != firstTick+time.Second) {
					t.Errorf("runs at %v, want one at the end of that at %v", runs, firstTick)
				}
				d.expect(t, "skips", &d.skips)
			})
		})
	}
}

// A request at the time of a tick, or while the tick's run waits for a slot, is
// answered by that run.
func TestRunNowSharesTheRunThatIsDue(t *testing.T) {
	withScheduler(t, oneJob(reports("ok")), func(t *testing.T, s *Scheduler, d *history) {
		time.Sleep(firstTick - 1)
		synctest.Wait()
		time.Sleep(time.Nanosecond)
		request(t, s, d)()
		time.Sleep(interval)
		if runs := d.read(&d.runs); len(runs) > 4 || runs[1] != firstTick {
			t.Errorf("runs at %v", runs)
		}
		d.expect(t, "skips", &d.skips)
	})
	var jobs []Job
	pair := func(d *history) []Job {
		jobs = []Job{d.job(reports("ok")), named("other", (&history{}).job(lasts(20*time.Second, Outcome{Verdict: "ok"})))}
		return jobs
	}
	withScheduler(t, pair, func(t *testing.T, s *Scheduler, d *history) {
		time.Sleep(10 * time.Second)
		s.Set(jobs, 1)
		begun := max(tickOf("other"), time.Since(d.start))
		time.Sleep(time.Until(d.start.Add(begun + time.Second))) // the other job has the only slot
		earlier := len(d.read(&d.runs))
		waitFirst, waitSecond := request(t, s, d), request(t, s, d)
		time.Sleep(time.Second)
		waitThird := request(t, s, d)
		waitFirst()
		waitSecond()
		waitThird()
		runs := d.read(&d.runs)
		if len(runs) != earlier+1 || runs[earlier] < begun+19*time.Second {
			t.Errorf("runs at %v, want one more than %d when the slot is free", runs, earlier)
		}
		d.expect(t, "skips", &d.skips)
	})
}

func TestRunNowIsNoRecheck(t *testing.T) {
	withScheduler(t, oneJob(reports("ok"), reports("bad")), func(t *testing.T, s *Scheduler, d *history) {
		time.Sleep(firstTick + 500*time.Millisecond)
		request(t, s, d)() // it confirms the change, which needs no recheck then
		time.Sleep(interval)
		d.expect(t, "runs", &d.runs, firstRun, firstTick, firstTick+time.Second, firstTick+interval)
	})
}

func TestRequestsEndWithTheirJob(t *testing.T) {
	withScheduler(t, oneJob(revoking), func(t *testing.T, s *Scheduler, d *history) {
		time.Sleep(5 * time.Second)
		done, _ := s.RunNow("default")
		next := &history{start: d.start}
		changed := next.job(reports("ok"))
		changed.Spec = "another"
		s.Set([]Job{changed}, plenty)
		<-done
		d.expect(t, "runs of the old job", &d.runs, firstRun)
		next.expect(t, "runs of the changed job", &next.runs, 7*time.Second) // when the canceled run has returned
		request(t, s, next)()
		next.expect(t, "runs of the changed job", &next.runs, 7*time.Second, 8*time.Second)

		done, _ = s.RunNow("default")
		s.Set(nil, plenty)
		<-done
		if _, ok := s.RunNow("default"); ok {
			t.Error("a removed job is scheduled")
		}
	})
}

func TestRunNowAroundRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &history{start: time.Now()}
		s := scheduling(d.job(lasts(time.Hour, Outcome{})))
		if _, ok := s.RunNow("default"); ok {
			t.Error("scheduled before Run")
		}
		ctx, cancel := context.WithTimeout(t.Context(), interval)
		defer cancel()
		ended := make(chan struct{})
		go func() { s.Run(ctx); close(ended) }()
		time.Sleep(interval / 2)
		done, ok := s.RunNow("default")
		<-ended
		if !ok || !closed(done) {
			t.Errorf("a request that was taken (%t) outlives the scheduler", ok)
		}
		if _, ok := s.RunNow("default"); ok {
			t.Error("scheduled after Run")
		}
		d.expect(t, "runs", &d.runs, firstRun)
	})
}

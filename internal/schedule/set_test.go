package schedule

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// named gives a job another name, and with it another phase.
func named(name string, job Job) Job {
	job.Name = name
	return job
}

func firstOf(name string, jobs int) time.Duration {
	return scale(phaseOf(name), min(interval, time.Duration(jobs)*stagger))
}

func tickOf(name string) time.Duration { return scale(phaseOf(name), interval) }

// shifted returns offsets that lie later by as much.
func shifted(by time.Duration, offsets ...time.Duration) []time.Duration {
	for i := range offsets {
		offsets[i] += by
	}
	return offsets
}

func never(t *testing.T) func(context.Context) Outcome {
	return func(context.Context) Outcome {
		t.Error("the function of a job that was already there is called")
		return Outcome{}
	}
}

func TestUnchangedJobGoesOn(t *testing.T) {
	spec := func() any { return map[string][]string{"audiences": {"vault"}} }
	jobs := func(d *history) []Job {
		job := d.job(reports("ok"), lasts(20*time.Second, Outcome{Verdict: "bad"}), reports("bad"))
		job.Spec = spec()
		return []Job{job}
	}
	withScheduler(t, jobs, func(t *testing.T, s *Scheduler, d *history) {
		again := (&history{}).job(never(t))
		again.Spec = spec()
		time.Sleep(firstTick + 10*time.Second) // the second run is going
		s.Set([]Job{again}, plenty)
		time.Sleep(15 * time.Second) // its recheck is due in 5 s
		s.Set([]Job{again}, plenty)
		time.Sleep(interval)
		d.expect(t, "runs", &d.runs, firstRun, firstTick, firstTick+20*time.Second+recheck, firstTick+interval)
		d.expect(t, "skips", &d.skips)
	})
}

func TestRemovedJobEndsAtOnce(t *testing.T) {
	var canceled time.Duration
	jobs := func(d *history) []Job {
		return []Job{d.job(reports("ok"), func(ctx context.Context) Outcome {
			<-ctx.Done()
			canceled = time.Since(d.start)
			return Outcome{Verdict: "bad"}
		})}
	}
	withScheduler(t, jobs, func(t *testing.T, s *Scheduler, d *history) {
		time.Sleep(firstTick + 5*time.Second)
		s.Set(nil, plenty)
		time.Sleep(2 * interval)
		d.expect(t, "runs", &d.runs, firstRun, firstTick)
		d.expect(t, "skips", &d.skips)
		if canceled != firstTick+5*time.Second {
			t.Errorf("the run was canceled at %v, want %v", canceled, firstTick+5*time.Second)
		}
		if err := s.Alive(time.Now().Add(time.Hour)); err != nil {
			t.Errorf("without a job: %v", err)
		}
	})
}

func TestNewJobLeavesOthersAlone(t *testing.T) {
	const at = 30 * time.Second
	withScheduler(t, oneJob(reports("ok")), func(t *testing.T, s *Scheduler, d *history) {
		time.Sleep(at)
		other := &history{start: d.start}
		s.Set([]Job{(&history{}).job(never(t)), named("other", other.job(reports("ok")))}, plenty)
		time.Sleep(2 * interval)
		d.expect(t, "runs", &d.runs, firstRun, firstTick, firstTick+interval, firstTick+2*interval)
		other.expect(t, "runs of the new", &other.runs,
			shifted(at, firstOf("other", 1), tickOf("other"), tickOf("other")+interval)...)
	})
}

// revoking is a run that needs a while to return when it is canceled.
func revoking(ctx context.Context) Outcome {
	<-ctx.Done()
	time.Sleep(2 * time.Second)
	return Outcome{Verdict: "late"}
}

func TestChangedJobWaitsForTheOldOnesEnd(t *testing.T) {
	for name, change := range map[string]func(s *Scheduler, changed Job){
		"changed": func(s *Scheduler, changed Job) { s.Set([]Job{changed}, plenty) },
		"removed and back": func(s *Scheduler, changed Job) {
			s.Set(nil, plenty)
			time.Sleep(time.Second)
			s.Set([]Job{changed}, plenty)
		},
	} {
		t.Run(name, func(t *testing.T) {
			withScheduler(t, oneJob(revoking), func(t *testing.T, s *Scheduler, d *history) {
				const at = 5 * time.Second
				time.Sleep(at)
				next := &history{start: d.start}
				changed := next.job(reports("ok"))
				changed.Interval = 2 * interval
				change(s, changed)
				set := time.Since(d.start)
				time.Sleep(2 * interval)
				d.expect(t, "old runs", &d.runs, firstRun)
				next.expect(t, "new runs", &next.runs, at+2*time.Second, set+scale(phaseOf("default"), 2*interval))
			})
		})
	}
}

func TestWhatMakesAJobAnother(t *testing.T) {
	job := Job{Name: "a", Group: "g", Spec: []string{"x"}, Interval: 1, Recheck: 2, Longest: 3}
	for name, change := range map[string]func(*Job){
		"group":      func(j *Job) { j.Group = "h" },
		"spec":       func(j *Job) { j.Spec = []string{"y"} },
		"interval":   func(j *Job) { j.Interval++ },
		"recheck":    func(j *Job) { j.Recheck++ },
		"longestRun": func(j *Job) { j.Longest++ },
	} {
		other := job
		if change(&other); job.same(other) {
			t.Errorf("another %s is no change", name)
		}
	}
	again := job
	again.Spec, again.Run = []string{"x"}, reports("ok")
	if !job.same(again) {
		t.Error("an equal job is a change")
	}
}

func TestFirstRoundDoesNotWaitForWhatIsGone(t *testing.T) {
	pair := func(d *history) []Job {
		return []Job{named("quick", d.job(reports("ok"))), named("hanging", d.job(lasts(time.Hour, Outcome{})))}
	}
	withScheduler(t, pair, func(t *testing.T, s *Scheduler, d *history) {
		time.Sleep(interval)
		added := named("late", d.job(lasts(time.Hour, Outcome{}))) // not of the first round
		s.Set([]Job{named("quick", d.job(never(t))), added}, plenty)
		synctest.Wait()
		if !closed(s.FirstRound()) {
			t.Error("the first round waits for a job that was removed")
		}
	})
}

func TestSetAroundRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &history{start: time.Now()}
		s := New()
		s.Set([]Job{named("dropped", d.job(never(t)))}, plenty)
		s.Set([]Job{d.job(reports("ok"))}, plenty)
		ctx, cancel := context.WithTimeout(t.Context(), firstTick/2)
		defer cancel()
		s.Run(ctx)
		s.Set([]Job{named("too late", d.job(never(t)))}, plenty)
		time.Sleep(2 * interval)
		d.expect(t, "runs", &d.runs, firstRun)
	})
}

// This test is for the race detector and the leak check.
func TestSetWhileRunsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &history{start: time.Now()}
		s := New()
		ctx, cancel := context.WithTimeout(t.Context(), interval)
		defer cancel()
		var work sync.WaitGroup
		for worker := range 4 {
			work.Go(func() {
				for round := range 100 {
					var jobs []Job
					for i := range 10 {
						job := named(fmt.Sprintf("job-%d", i), d.job(lasts(time.Duration(i)*time.Second, Outcome{Verdict: "ok"})))
						job.Spec = worker * round % 3
						jobs = append(jobs, job)
					}
					s.Set(jobs[:round%len(jobs)+1], 1+round%5)
					_ = s.Alive(time.Now())
					time.Sleep(700 * time.Millisecond)
				}
			})
		}
		s.Run(ctx)
		work.Wait()
		if s.limiter.taken != 0 || len(s.limiter.queue) != 0 {
			t.Errorf("%d slots are still taken, %d groups still wait", s.limiter.taken, len(s.limiter.queue))
		}
	})
}

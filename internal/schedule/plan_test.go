package schedule

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// The phase is public: a release that moves it moves every probe of every user.
func TestPhaseIsPinned(t *testing.T) {
	for name, want := range map[string]float64{"default": 0.2174, "a": 0.7914, "": 0.8894} {
		if got := phaseOf(name); math.Abs(got-want) > 0.0001 {
			t.Errorf("phase of %q is %.4f, want %.4f", name, got, want)
		}
	}
}

func TestPhasesAreSpreadEvenly(t *testing.T) {
	const names, buckets = 10_000, 10
	var counts [buckets]int
	for i := range names {
		counts[int(phaseOf(fmt.Sprintf("target-%d", i))*buckets)]++
	}
	for i, count := range counts {
		if count < names/buckets*8/10 || count > names/buckets*12/10 {
			t.Errorf("tenth %d holds %d of %d names", i, count, names)
		}
	}
}

func TestTicks(t *testing.T) {
	origin := time.Date(2026, 1, 1, 0, 0, 10, 0, time.UTC)
	p := plan{interval: time.Minute, origin: origin}
	for _, tt := range []struct {
		at               time.Duration
		after, notBefore time.Duration
	}{
		{at: -time.Hour, after: 0, notBefore: 0},
		{at: -1, after: 0, notBefore: 0},
		{at: 0, after: time.Minute, notBefore: 0},
		{at: 1, after: time.Minute, notBefore: time.Minute},
		{at: time.Minute - 1, after: time.Minute, notBefore: time.Minute},
		{at: time.Minute, after: 2 * time.Minute, notBefore: time.Minute},
		{at: 1000*time.Minute + 1, after: 1001 * time.Minute, notBefore: 1001 * time.Minute},
	} {
		if got := p.tickAfter(origin.Add(tt.at)).Sub(origin); got != tt.after {
			t.Errorf("the tick after %v is at %v, want %v", tt.at, got, tt.after)
		}
		if got := p.tickNotBefore(origin.Add(tt.at)).Sub(origin); got != tt.notBefore {
			t.Errorf("the tick not before %v is at %v, want %v", tt.at, got, tt.notBefore)
		}
	}
}

func TestNextRun(t *testing.T) {
	const (
		tick  = "tick"
		again = "recheck"
	)
	type run struct {
		outcome Outcome
		want    string
	}
	ran := func(verdict, want string) run { return run{Outcome{Verdict: verdict}, want} }
	backoff := func(verdict string) run { return run{Outcome{Verdict: verdict, Backoff: true}, tick} }

	for name, runs := range map[string][]run{
		"the first verdict is no change": {ran("bad", tick), ran("bad", tick)},
		"a change that holds":            {ran("ok", tick), ran("bad", again), ran("bad", tick), ran("bad", tick)},
		"a blip":                         {ran("ok", tick), ran("bad", again), ran("ok", again), ran("ok", tick)},
		"another reason is a change":     {ran("bad", tick), ran("worse", again), ran("worse", tick)},
		"at most three": {
			ran("a", tick), ran("b", again), ran("a", again), ran("b", again), ran("a", tick),
			ran("a", tick),
		},
		"three again after a tick": {
			ran("a", tick), ran("b", again), ran("a", again), ran("b", again), ran("a", tick),
			ran("b", again), ran("a", again), ran("b", again), ran("a", tick),
		},
		"three again after agreement": {
			ran("a", tick), ran("b", again), ran("b", tick),
			ran("a", again), ran("b", again), ran("a", again), ran("b", tick),
		},
		"backoff":                  {ran("ok", tick), backoff("limited"), ran("limited", tick)},
		"backoff in a recheck":     {ran("ok", tick), ran("bad", again), backoff("limited"), ran("limited", tick)},
		"fixed after backoff":      {ran("ok", tick), backoff("limited"), ran("ok", again), ran("ok", tick)},
		"no verdict":               {ran("ok", tick), ran("", tick), ran("ok", tick)},
		"no verdict in between":    {ran("ok", tick), ran("", tick), ran("bad", again), ran("bad", tick)},
		"no verdict in a recheck":  {ran("ok", tick), ran("bad", again), ran("", tick), ran("bad", tick)},
		"no verdict at the outset": {ran("", tick), ran("bad", tick)},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			p := plan{interval: time.Minute, recheck: 10 * time.Second, origin: start}
			now := start
			for i, r := range runs {
				end := now.Add(time.Second)
				got := p.next(end, r.outcome)
				want := map[string]time.Time{tick: p.tickAfter(end), again: end.Add(10 * time.Second)}[r.want]
				if !got.Equal(want) {
					t.Fatalf("after run %d (%+v) the next comes in %v, want %v (%s)", i, r.outcome, got.Sub(end), want.Sub(end), r.want)
				}
				now = got
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	end := start.Add(time.Second)
	for _, tt := range []struct{ pause, want time.Duration }{
		{0, time.Minute},
		{-time.Second, time.Minute},
		{59 * time.Second, time.Minute},
		{60 * time.Second, 2 * time.Minute},
		{150 * time.Second, 3 * time.Minute},
		{math.MaxInt64, 4 * time.Minute}, // three intervals after the end, then the next tick
	} {
		p := plan{interval: time.Minute, recheck: 10 * time.Second, origin: start}
		got := p.next(end, Outcome{Verdict: "limited", Backoff: true, RetryAfter: tt.pause})
		if got.Sub(start) != tt.want {
			t.Errorf("with Retry-After %v the next run comes at %v, want %v", tt.pause, got.Sub(start), tt.want)
		}
	}
	p := plan{interval: time.Minute, recheck: 10 * time.Second, origin: start}
	if got := p.next(end, Outcome{Verdict: "bad", RetryAfter: time.Hour}); got.Sub(start) != time.Minute {
		t.Errorf("a pause without backoff is kept: next run at %v", got.Sub(start))
	}
}

func TestIncompleteRun(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	end := start.Add(time.Second)
	p := plan{interval: time.Minute, recheck: 10 * time.Second, origin: start}
	p.next(end, Outcome{Verdict: "ok"})
	for pause, want := range map[time.Duration]time.Duration{0: 0, 7 * time.Second: 7 * time.Second, time.Hour: time.Minute, -1: 0} {
		if got := p.next(end, Outcome{Verdict: "half", Incomplete: true, RetryAfter: pause}).Sub(end); got != want {
			t.Errorf("the run after an incomplete one is due after %v, want %v", got, want)
		}
	}
	if got := p.next(end, Outcome{Verdict: "bad"}); got.Sub(end) != p.recheck {
		t.Errorf("the next complete run is followed after %v: the incomplete ones counted as a change", got.Sub(end))
	}
}

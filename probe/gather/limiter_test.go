package gather

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestTurnsAreOneIntervalApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var l limiter
		start := time.Now()
		for i := range 5 {
			turn, ok := l.take(ctx, postponed{"vault", string(rune('a' + i))}, start)
			if !ok || turn.Sub(start) != time.Duration(i)*turnInterval {
				t.Errorf("turn %d is %s after the start (%t)", i, turn.Sub(start), ok)
			}
		}
		if turn, ok := l.take(ctx, postponed{"other", "a"}, start); !ok || !turn.Equal(start) {
			t.Errorf("the turn at another server is %s after the start (%t), want 0", turn.Sub(start), ok)
		}
	})
}

// A turn after the end of the run is reserved for the target's next run, and no other
// target gets it.
func TestPostponedTurnIsReserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limiter
		start := time.Now()
		short := func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), minTimeLeft+turnInterval/2)
		}
		ctx, cancel := short()
		defer cancel()
		l.take(ctx, postponed{"vault", "first"}, start)
		kept, ok := l.wait(ctx, "vault", "second")
		if ok || !kept.Equal(start.Add(turnInterval)) {
			t.Fatalf("the second turn is %s (%t), want it postponed to %s", kept, ok, start.Add(turnInterval))
		}
		time.Sleep(turnInterval)
		ctx, cancel = short()
		defer cancel()
		if turn, ok := l.wait(ctx, "vault", "second"); !ok || !turn.Equal(kept) {
			t.Errorf("the reserved turn = %s (%t), want %s", turn, ok, kept)
		}
		if turn, ok := l.wait(ctx, "vault", "third"); ok {
			t.Errorf("a third target got a turn at %s, which was reserved for the second target", turn)
		}
	})
}

func TestUnusedTurnIsRemoved(t *testing.T) {
	var l limiter
	start := time.Now()
	ctx, cancel := context.WithDeadline(context.Background(), start)
	defer cancel()
	l.take(ctx, postponed{"vault", "a"}, start)
	l.take(ctx, postponed{"vault", "b"}, start)
	l.take(ctx, postponed{"vault", "c"}, start.Add(turnInterval+turnKeptFor+1))
	if _, kept := l.postponed[postponed{"vault", "b"}]; kept {
		t.Error("the reserved turn of a target that was not probed again was not removed")
	}
}

// Servers come and go with reloads.
func TestTurnsThatPassedAreForgotten(t *testing.T) {
	var l limiter
	start := time.Now()
	l.take(t.Context(), postponed{"gone", "a"}, start)
	l.takeSoon("gone as well", start)
	l.takeSoon("vault", start.Add(turnInterval/2))
	if len(l.next) != 3 {
		t.Errorf("before their ends the turns are %v", l.next)
	}
	l.takeSoon("vault", start.Add(turnInterval))
	if _, kept := l.next["vault"]; !kept || len(l.next) != 1 {
		t.Errorf("at the end of the others the turns are %v", l.next)
	}
}

// A turn that nobody needs is taken only if it is free soon, so that it delays others by one turn at most.
func TestBriefWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limiter
		for i := range 3 {
			start := time.Now()
			if got := l.waitBriefly(t.Context(), "vault"); !got || time.Since(start) > turnInterval {
				t.Errorf("turn %d: %t after %s", i, got, time.Since(start))
			}
		}
		start := time.Now()
		for i := range 3 {
			l.take(t.Context(), postponed{"vault", string(rune('a' + i))}, start)
		}
		if l.waitBriefly(t.Context(), "vault") || time.Since(start) > 0 {
			t.Errorf("a turn was taken although others wait, after %s", time.Since(start))
		}
		if turn, _ := l.take(t.Context(), postponed{"vault", "d"}, start); turn.Sub(start) != 4*turnInterval {
			t.Errorf("the next turn is %s away, want it %s away", turn.Sub(start), 4*turnInterval)
		}
	})
}

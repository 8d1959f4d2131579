package gather

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestTurnsAreASecondApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var l limiter
		start := time.Now()
		for i := range 5 {
			turn, ok := l.take(ctx, postponed{"vault", string(rune('a' + i))}, start)
			if !ok || turn.Sub(start) != time.Duration(i)*pacing {
				t.Errorf("turn %d is after %s (%t)", i, turn.Sub(start), ok)
			}
		}
		if turn, ok := l.take(ctx, postponed{"other", "a"}, start); !ok || !turn.Equal(start) {
			t.Errorf("another server's turn is after %s (%t), want at once", turn.Sub(start), ok)
		}
	})
}

// A turn that lies beyond the run is kept for the target's next one, and nobody else
// gets it.
func TestPostponedTurnIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limiter
		start := time.Now()
		short := func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), timeToAsk+pacing/2)
		}
		ctx, cancel := short()
		defer cancel()
		l.take(ctx, postponed{"vault", "first"}, start)
		kept, ok := l.wait(ctx, "vault", "second")
		if ok || !kept.Equal(start.Add(pacing)) {
			t.Fatalf("the second turn is %s (%t), want it postponed to %s", kept, ok, start.Add(pacing))
		}
		time.Sleep(pacing)
		ctx, cancel = short()
		defer cancel()
		if turn, ok := l.wait(ctx, "vault", "second"); !ok || !turn.Equal(kept) {
			t.Errorf("at its turn the target got %s (%t)", turn, ok)
		}
		if turn, ok := l.wait(ctx, "vault", "third"); ok {
			t.Errorf("a third target got a turn at %s, in the second that was the second one's", turn)
		}
	})
}

func TestForgottenTurnIsDropped(t *testing.T) {
	var l limiter
	start := time.Now()
	ctx, cancel := context.WithDeadline(context.Background(), start)
	defer cancel()
	l.take(ctx, postponed{"vault", "a"}, start)
	l.take(ctx, postponed{"vault", "b"}, start)
	l.take(ctx, postponed{"vault", "c"}, start.Add(pacing+turnHeld+1))
	if _, kept := l.postponed[postponed{"vault", "b"}]; kept {
		t.Error("the turn of a target that never came is kept for good")
	}
}

package gather

import (
	"context"
	"maps"
	"sync"
	"time"
)

const (
	// turnInterval is the minimum time between the follow-ups of two targets at one Vault, so
	// that they do not make an outage worse.
	turnInterval = time.Second
	// minTimeLeft is how much time a run needs after its turn to make its follow-ups.
	minTimeLeft = time.Second
	// turnKeptFor is how long past its time a postponed turn is kept for the target.
	turnKeptFor = time.Minute
)

// limiter assigns turns for follow-ups: one per turnInterval and Vault.
type limiter struct {
	mu        sync.Mutex              // guards the fields below
	next      map[string]time.Time    // the next free turn of each server
	postponed map[postponed]time.Time // turns that are reserved for a later run
}

type postponed struct{ server, target string }

// wait blocks until the target's turn. If the turn is too late for this run, ok is false,
// wait returns immediately, and the turn is reserved for the target's next run.
func (l *limiter) wait(ctx context.Context, server, target string) (turn time.Time, ok bool) {
	turn, ok = l.take(ctx, postponed{server, target}, time.Now())
	if !ok {
		return turn, false
	}
	timer := time.NewTimer(time.Until(turn))
	defer timer.Stop()
	select {
	case <-timer.C:
		return turn, true
	case <-ctx.Done():
		return turn, false
	}
}

func (l *limiter) take(ctx context.Context, key postponed, now time.Time) (turn time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next == nil {
		l.next, l.postponed = map[string]time.Time{}, map[postponed]time.Time{}
	}
	maps.DeleteFunc(l.postponed, func(_ postponed, turn time.Time) bool { return now.Sub(turn) > turnKeptFor })
	turn, kept := l.postponed[key]
	if !kept {
		turn = later(l.next[key.server], now)
		l.next[key.server] = turn.Add(turnInterval)
	}
	if deadline, limited := ctx.Deadline(); limited && turn.Add(minTimeLeft).After(deadline) {
		l.postponed[key] = turn
		return turn, false
	}
	delete(l.postponed, key)
	return turn, true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

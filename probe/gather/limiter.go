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
	return turn, ok && sleepUntil(ctx, turn)
}

// waitBriefly blocks until a turn if the next one is at most turnInterval away. Otherwise it
// takes none and returns false immediately, so that turns are left to those that need them.
func (l *limiter) waitBriefly(ctx context.Context, server string) bool {
	turn, ok := l.takeSoon(server, time.Now())
	return ok && sleepUntil(ctx, turn)
}

func (l *limiter) takeSoon(server string, now time.Time) (turn time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tidy(now)
	turn = later(l.next[server], now)
	if turn.Sub(now) > turnInterval {
		return turn, false
	}
	l.next[server] = turn.Add(turnInterval)
	return turn, true
}

// sleepUntil returns false if the context ends first.
func sleepUntil(ctx context.Context, t time.Time) bool {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *limiter) take(ctx context.Context, key postponed, now time.Time) (turn time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tidy(now)
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

// tidy drops what has passed. It must be called with the lock held, before turns are taken.
func (l *limiter) tidy(now time.Time) {
	if l.next == nil {
		l.next, l.postponed = map[string]time.Time{}, map[postponed]time.Time{}
	}
	maps.DeleteFunc(l.next, func(_ string, turn time.Time) bool { return !now.Before(turn) })
	maps.DeleteFunc(l.postponed, func(_ postponed, turn time.Time) bool { return now.Sub(turn) > turnKeptFor })
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

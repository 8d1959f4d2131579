package gather

import (
	"context"
	"maps"
	"sync"
	"time"
)

const (
	// pacing is the least time between two rounds of follow-ups at one Vault, however
	// many targets it has: they must not make an outage worse.
	pacing = time.Second
	// timeToAsk is what has to be left of a run at its turn.
	timeToAsk = time.Second
	// turnHeld is how long a postponed turn is kept for a run that does not come.
	turnHeld = time.Minute
)

// limiter gives runs turns for their follow-ups, one a second for each Vault.
type limiter struct {
	mu        sync.Mutex              // guards what follows
	next      map[string]time.Time    // when a server's next turn is free
	postponed map[postponed]time.Time // turns that are kept for a later run
}

type postponed struct{ server, target string }

// wait returns when it is the target's turn. Where that would not come in time it
// returns at once: the turn is then kept for the target's next run.
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
	maps.DeleteFunc(l.postponed, func(_ postponed, turn time.Time) bool { return now.Sub(turn) > turnHeld })
	turn, kept := l.postponed[key]
	if !kept {
		turn = later(l.next[key.server], now)
		l.next[key.server] = turn.Add(pacing)
	}
	if deadline, limited := ctx.Deadline(); limited && turn.Add(timeToAsk).After(deadline) {
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

package gather

import (
	"context"
	"sync"
	"time"
)

// pacing is the least time between two rounds of follow-ups at one Vault, however
// many targets it has: they must not make an outage worse.
const pacing = time.Second

// pace hands out turns, one a second for each server.
type pace struct {
	mu   sync.Mutex
	next map[string]time.Time // guarded by mu; when the next turn is free
}

// wait returns true when it is the caller's turn, and false, at once, where that
// would not come before the context ends.
func (p *pace) wait(ctx context.Context, server string) bool {
	turn, ok := p.take(ctx, server, time.Now())
	if !ok {
		return false
	}
	timer := time.NewTimer(time.Until(turn))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p *pace) take(ctx context.Context, server string, now time.Time) (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	turn := p.next[server]
	if turn.Before(now) {
		turn = now
	}
	if deadline, ok := ctx.Deadline(); ok && turn.After(deadline) {
		return time.Time{}, false
	}
	if p.next == nil {
		p.next = map[string]time.Time{}
	}
	p.next[server] = turn.Add(pacing)
	return turn, true
}

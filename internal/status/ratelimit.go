package status

import (
	"sync"
	"time"
)

// The minimum time between two requested runs: of one target, and of any two.
const (
	perTargetPause = 10 * time.Second
	overallPause   = time.Second
)

// rateLimiter limits how often runs are requested.
type rateLimiter struct {
	mu      sync.Mutex // guards what follows
	overall time.Time  // the last request
	last    map[string]time.Time
}

func newRateLimiter() rateLimiter { return rateLimiter{last: map[string]time.Time{}} }

// reserve returns 0 and counts the request, or returns how long to wait before the
// next try. Callers pass names of configured targets only, so the map stays small.
func (l *rateLimiter) reserve(target string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := max(l.last[target].Add(perTargetPause).Sub(now), l.overall.Add(overallPause).Sub(now))
	if wait > 0 {
		return wait
	}
	l.overall, l.last[target] = now, now
	return 0
}

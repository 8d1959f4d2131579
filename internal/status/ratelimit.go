package status

import (
	"maps"
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
	mu      sync.Mutex           // guards what follows
	overall time.Time            // the last request
	last    map[string]time.Time // by target: the last request, if it is younger than perTargetPause
}

func newRateLimiter() rateLimiter { return rateLimiter{last: map[string]time.Time{}} }

// reserve returns 0 and counts the request, or returns how long to wait before the
// next try.
func (l *rateLimiter) reserve(target string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := max(l.last[target].Add(perTargetPause).Sub(now), l.overall.Add(overallPause).Sub(now))
	if wait > 0 {
		return wait
	}
	maps.DeleteFunc(l.last, func(_ string, at time.Time) bool { return now.Sub(at) >= perTargetPause })
	l.overall, l.last[target] = now, now
	return 0
}

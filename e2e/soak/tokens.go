package soak

import "time"

// tokenLifetime is how long a token of Vault's that nobody revokes lives: the TTL of the lab's role, and a while in which
// Vault removes it.
const tokenLifetime = 75 * time.Second

// A tokenCount says how many tokens may be left in Vault: those that exporters have counted as not revoked, and those of
// logins in progress in processes that were killed. Older ones have expired.
type tokenCount struct {
	lost []time.Time // one for each
	// counted has what the exporters' counters were, oldest first.
	counted []sample
}

type sample struct {
	at    time.Time
	value float64
}

// loseUpTo adds that many logins in progress.
func (c *tokenCount) loseUpTo(logins int) {
	for range logins {
		c.lost = append(c.lost, time.Now())
	}
}

// allowed adds what the counters are now, and returns how many tokens may be left.
func (c *tokenCount) allowed(now time.Time, counters float64) int {
	c.counted = append(c.counted, sample{now, counters})
	for len(c.counted) > 1 && now.Sub(c.counted[1].at) > tokenLifetime {
		c.counted = c.counted[1:]
	}
	may := int(counters - c.counted[0].value)
	for _, at := range c.lost {
		if now.Sub(at) <= tokenLifetime {
			may++
		}
	}
	return may
}

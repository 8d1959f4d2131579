package e2e

import "time"

// pollEvery is how closely changes are timed.
const pollEvery = 100 * time.Millisecond

// eventually asks until it holds, and reports whether that was within the limit.
func eventually(limit time.Duration, holds func() bool) bool {
	tick, late := time.NewTicker(pollEvery), time.NewTimer(limit)
	defer tick.Stop()
	defer late.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-late.C:
			return holds()
		}
	}
	return true
}

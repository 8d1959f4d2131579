package e2e

import (
	"slices"
	"testing"
)

// TestVerdictLog wants one line for each change and none between, over a recheck
// and a tick.
func TestVerdictLog(t *testing.T) {
	e := serve(t, environment())
	tick := e.start()
	e.awaitCalm(tick)
	inject(t, "role_missing")
	e.awaitVerdict("role_missing")
	e.awaitRuns(2)
	e.awaitCalm(tick)
	heal(t)
	e.awaitVerdict(healthy.reason)
	e.awaitRuns(2)
	e.end()
	want := []string{healthy.reason, "role_missing", healthy.reason}
	if got := e.log.changes(); !slices.Equal(got, want) {
		t.Errorf("verdicts logged as new: %q, want %q\n%s", got, want, e.log)
	}
}

package status

import (
	"testing"
	"time"
)

func TestRequestsAreLimited(t *testing.T) {
	l := newRateLimiter()
	start := time.Now()
	for _, step := range []struct {
		target string
		after  time.Duration // from the start
		wait   time.Duration
	}{
		{"a", 0, 0},
		{"b", overallPause / 2, overallPause / 2},
		{"b", overallPause, 0},
		{"a", perTargetPause - 1, 1},
		{"a", perTargetPause, 0},
		{"c", 2 * perTargetPause, 0},
	} {
		if wait := l.reserve(step.target, start.Add(step.after)); wait != step.wait {
			t.Errorf("%s after %s: wait %s, want %s", step.target, step.after, wait, step.wait)
		}
	}
	if len(l.last) != 1 { // targets come and go with reloads
		t.Errorf("requests that limit nothing are kept: %v", l.last)
	}
}

package soak

import (
	"testing"
	"time"
)

func TestTokensThatMayBeLeft(t *testing.T) {
	var c tokenCount
	for _, step := range []struct {
		seconds, counters float64
		want              int
	}{
		{0, 0, 0},
		{10, 2, 2},
		{60, 3, 3},
		{80, 3, 3}, // the first sample is the last one from before
		{100, 3, 1},
		{200, 3, 0},
	} {
		if got := c.allowed(at(step.seconds), step.counters); got != step.want {
			t.Errorf("after %v s with %v counted, %d tokens may be left, want %d", step.seconds, step.counters, got, step.want)
		}
	}
	c.loseUpTo(2)
	if got := c.allowed(time.Now(), 3); got != 2 {
		t.Errorf("after a kill during two logins, %d tokens may be left", got)
	}
}

package diagnose

import (
	"testing"
	"time"
)

// Every view takes the state from here: what has expired is not "soon".
func TestExpiryState(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(days int) time.Time { return now.AddDate(0, 0, days) }
	for want, x := range map[ExpiryState]Expiry{
		ExpiryHarmless: {Effect: NothingEnds, WarnAt: at(-2), End: at(-1)},
		Expired:        {WarnAt: at(-2), End: at(-1)},
		ExpiresSoon:    {WarnAt: at(-1), End: at(1)},
		ExpiresLater:   {WarnAt: at(1), End: at(2)},
	} {
		if got := x.State(now); got != want {
			t.Errorf("%+v: %s, want %s", x, got, want)
		}
	}
	if got := (Expiry{}).State(now); got != ExpiresLater {
		t.Errorf("without an end: %s, want %s", got, ExpiresLater)
	}
}

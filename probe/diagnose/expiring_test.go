package diagnose

import (
	"testing"
	"time"
)

// A kubelet swaps a projected token when 80 % of its life, or 24 h, have passed, and
// looks once a minute or so. One that it keeps fresh is never said to expire.
func TestRotatedTokenNeverExpires(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, life := range []time.Duration{10 * time.Minute, time.Hour, 24 * time.Hour, 365 * 24 * time.Hour} {
		rotation := min(life*8/10, 24*time.Hour)
		late := begin.Add(rotation + min(2*time.Minute, life/20))
		for now := begin; now.Before(late); now = now.Add(life / 200) {
			if expiring(now, begin, begin.Add(life)) {
				t.Errorf("a token for %s is said to expire %s after its begin, and is swapped after %s", life, now.Sub(begin), rotation)
				break
			}
		}
		if dying := begin.Add(life - time.Second); !expiring(dying, begin, begin.Add(life)) {
			t.Errorf("a token for %s that nobody swaps is not said to expire", life)
		}
	}
}

package diagnose

import (
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// A kubelet replaces a projected token when 80 % of its validity or 24 h have passed, which it
// checks about once a minute. A token that it renews in time never raises the warning.
func TestRotatedTokenRaisesNoWarning(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, validity := range []time.Duration{10 * time.Minute, time.Hour, 24 * time.Hour, 365 * 24 * time.Hour} {
		rotation := min(validity*8/10, 24*time.Hour)
		late := begin.Add(rotation + min(2*time.Minute, validity/20))
		for now := begin; now.Before(late); now = now.Add(validity / 200) {
			if now.After(warnAt(evidence.DefaultExpiryWarning, begin, begin.Add(validity))) {
				t.Errorf("a token valid for %s is expiring %s after its issue, but is replaced after %s", validity, now.Sub(begin), rotation)
				break
			}
		}
		if now := begin.Add(validity - time.Second); !now.After(warnAt(evidence.DefaultExpiryWarning, begin, begin.Add(validity))) {
			t.Errorf("a token valid for %s is not expiring in its last second", validity)
		}
	}
}

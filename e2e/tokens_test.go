package e2e

import (
	"maps"
	"testing"

	"golang.org/x/sync/errgroup"
)

func TestNoTokenLeftInVault(t *testing.T) {
	const probes, atOnce = 50, 4
	wantTokens(t, 0)
	e := serve(t, environment())
	e.start()
	var checking errgroup.Group
	checking.SetLimit(atOnce)
	for range probes {
		checking.Go(func() error {
			// A run that never logged in would leave nothing either.
			if r := checkJSON(t, environment()); !r.Healthy || r.state("login") != "ok" || r.state("revoke") != "ok" {
				t.Errorf("check: %s: %s; login %s, revoke %s", r.Reason, r.Detail, r.state("login"), r.state("revoke"))
			}
			return nil
		})
	}
	_ = checking.Wait()
	m := e.scrape()
	if issued, revoked := m.sum("tokens_issued_total"), m.sum("tokens_revoked_total"); issued < 2 || revoked < issued-1 {
		t.Errorf("serve counts %v tokens issued, %v revoked", issued, revoked)
	}
	if failed, unaccounted := m.sum("token_revoke_failures_total"), m.sum("tokens_unaccounted_total"); failed+unaccounted != 0 {
		t.Errorf("serve counts %v tokens not revoked, %v unaccounted", failed, unaccounted)
	}
	e.end()
	wantTokens(t, 0)
}

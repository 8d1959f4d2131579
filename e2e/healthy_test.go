package e2e

import (
	"context"
	"sync"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// probesPerVariant makes more than 200 probes over all variants.
const probesPerVariant = 20

// TestVariantsAreHealthy probes every configuration of a healthy installation, and fails for any
// false alarm.
func TestVariantsAreHealthy(t *testing.T) {
	probes := 0
	for _, variant := range lab.Variants() {
		t.Run(variant.Name, func(t *testing.T) {
			if err := variant.Inject(t.Context(), shared.lab); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := variant.Heal(context.Background(), shared.lab); err != nil {
					t.Error(err)
				}
			})
			var probing sync.WaitGroup
			for _, level := range evidenceLevels {
				env := environment(level.env(shared.lab), shared.lab.Expand(variant.Env)...)
				probing.Go(func() {
					for range probesPerVariant / len(evidenceLevels) {
						if o := run(t, env, "check", "--output=json"); o.code != 0 {
							t.Errorf("%s: check exits with %d: %s%s", level.name, o.code, o.stdout, o.stderr)
						}
					}
				})
			}
			probing.Wait()
		})
		probes += probesPerVariant
	}
	if probes < 200 {
		t.Errorf("only %d probes were made", probes)
	}
}

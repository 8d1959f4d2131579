package e2e

import (
	"context"
	"sync"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// probesOfEach make over 200 of all variants together.
const probesOfEach = 20

// TestHealthyIsNeverCalledBroken probes what is well in every shape that it can have.
func TestHealthyIsNeverCalledBroken(t *testing.T) {
	probes := 0
	for _, variant := range lab.Variants() {
		t.Run(variant.Name, func(t *testing.T) {
			if err := variant.Inject(t.Context(), world.lab); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := variant.Heal(context.Background(), world.lab); err != nil {
					t.Error(err)
				}
			})
			var probing sync.WaitGroup
			for _, column := range columns {
				env := environment(column.env(world.lab), world.lab.Expand(variant.Env)...)
				probing.Go(func() {
					for range probesOfEach / len(columns) {
						if o := run(t, env, "check", "--output=json"); o.code != 0 {
							t.Errorf("%s: check ends with %d: %s%s", column.name, o.code, o.stdout, o.stderr)
						}
					}
				})
			}
			probing.Wait()
		})
		probes += probesOfEach
	}
	if probes < 200 {
		t.Errorf("only %d probes were made", probes)
	}
}

package e2e

import (
	"context"
	"flag"
	"sync"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// probesPerVariant makes more than 200 probes over all variants; 80 makes a thousand.
var probesPerVariant = flag.Int("probes-per-variant", 20, "how often each healthy variant of the lab is probed")

// TestVariantsAreHealthy probes every configuration of a healthy installation, and fails for any
// false alarm, also of the negative canary, whose logins every probe makes.
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
				env := environment(level.env(shared.lab), append(shared.lab.Expand(variant.Env), "EXPORTER_NEGATIVE_CANARY=true")...)
				probing.Go(func() {
					for range *probesPerVariant / len(evidenceLevels) {
						wantNoAlarm(t, level.name, env)
					}
				})
			}
			probing.Wait()
		})
		probes += *probesPerVariant
	}
	if probes < 200 {
		t.Errorf("only %d probes were made", probes)
	}
}

// wantNoAlarm makes one probe, and requires that pods can log in and that Vault refuses every login
// that it must refuse.
func wantNoAlarm(t *testing.T, level string, env []string) {
	t.Helper()
	o, r := check(t, env)
	if o.code != 0 {
		t.Errorf("%s: check exits with %d: %s%s", level, o.code, o.stdout, o.stderr)
		return
	}
	if r.Targets[0].warns("mount_accepts_invalid_token") {
		t.Errorf("%s: the negative canary raises an alarm: %+v", level, r.Targets[0].Warnings)
	}
	last := r.Targets[0].Steps[len(r.Targets[0].Steps)-1]
	if last.Step != "negative_canary" || last.State != "ok" {
		t.Errorf("%s: the last step is %+v, want the negative canary's logins, all refused", level, last)
	}
}

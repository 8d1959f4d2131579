package probe_test

import (
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// What was read before the login's tokens had few uses is not remembered for ever: no later run would see it change.
func TestFewUsesEndWhatWasRead(t *testing.T) {
	w := probetest.NewWorld(t)
	mount := w.Vault.Mounts[w.Target.Vault.Mount]
	use := func(uses int) {
		w.Vault.Change(func(*probetest.Vault) {
			mount.CanaryReads = true
			role := mount.Roles[w.Target.Vault.Role]
			role.Uses, role.Policies = uses, []string{probetest.AdminPolicy}
			mount.Roles[w.Target.Vault.Role] = role
		})
	}
	use(5)
	result, memory := w.Probe(probe.Memory{})
	if !result.Evidence.Mount.Config.Ok() || !result.Evidence.Capabilities.Ok() || len(result.Raised()) != 1 {
		t.Fatalf("with 5 uses: config %+v, capabilities %+v, warnings %+v", result.Evidence.Mount.Config, result.Evidence.Capabilities, result.Raised())
	}
	use(4)
	for range 11 {
		result, memory = w.Probe(memory)
		if result.Diagnosis.Reason != diagnose.None || !result.Evidence.Revoke.Ok() {
			t.Fatalf("with 4 uses: %s, revocation %+v", result.Diagnosis.Reason, result.Evidence.Revoke)
		}
	}
	if result.Evidence.Mount.Config.Ok() || result.Evidence.Capabilities.Ok() || len(result.Raised()) > 0 || w.Vault.Live() > 0 {
		t.Errorf("eleven runs later: config %+v, capabilities %+v, warnings %+v, %d tokens", result.Evidence.Mount.Config, result.Evidence.Capabilities, result.Raised(), w.Vault.Live())
	}
}

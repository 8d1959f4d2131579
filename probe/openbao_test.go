package probe_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// atOpenBao are the verdicts that differ with OpenBao, whose plugin has no annotations, which may
// have namespaces, and whose standbys do not say that they have lost the active node. Every other scenario has the same verdict with both.
var atOpenBao = map[string]probetest.Verdict{
	"mount_annotations_forbidden/bare":      {Reason: diagnose.None, Certainty: diagnose.Proven},
	"mount_annotations_forbidden/full":      {Reason: diagnose.None, Certainty: diagnose.Proven},
	"mount_missing/bare":                    {Reason: diagnose.MountMissing, Certainty: diagnose.ByElimination},
	"mount_missing_moved/bare":              {Reason: diagnose.MountMissing, Certainty: diagnose.ByElimination},
	"mount_missing_kubernetes_ca_gone/bare": {Reason: diagnose.MountMissing, Certainty: diagnose.ByElimination},

	"vault_no_leader_quorum_lost/bare":              {Reason: diagnose.VaultNoLeader, Certainty: diagnose.ByElimination},
	"vault_no_leader_quorum_lost/full":              {Reason: diagnose.VaultNoLeader, Certainty: diagnose.ByElimination},
	"vault_no_leader_leader_silent/bare":            {Reason: diagnose.VaultTimeout, Certainty: diagnose.ByElimination},
	"vault_no_leader_leader_silent/full":            {Reason: diagnose.VaultTimeout, Certainty: diagnose.ByElimination},
	"vault_no_leader_leader_silent_redirected/bare": {Reason: diagnose.VaultTimeout, Certainty: diagnose.ByElimination},
}

// notAtOpenBao are the scenarios with responses that OpenBao never gives.
var notAtOpenBao = map[string]bool{
	"vault_lease_quota": true, "vault_overloaded": true, "vault_no_leader_secondary": true,
}

// noDialect are parts of the names of scenarios in which the connection fails, so that the
// dialect of the server makes no difference.
var noDialect = []string{"timeout", "_tls_", "_dns", "unreachable", "bad_response", "unavailable", "throttled"}

func TestScenariosAtOpenBao(t *testing.T) {
	for _, s := range probetest.Scenarios() {
		for _, complete := range []bool{false, true} {
			name, want := s.Name+"/bare", s.Bare
			if complete {
				name, want = s.Name+"/full", s.Full
			}
			broken := slices.ContainsFunc(noDialect, func(part string) bool { return strings.Contains(s.Name, part) })
			if want.Reason == "" || notAtOpenBao[s.Name] || broken {
				continue
			}
			if other, differs := atOpenBao[name]; differs {
				want = other
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				playAt(t, probetest.OpenBao, s, complete, want)
			})
		}
	}
}

// A Vault of version 2 has the field enterprise in sys/health.
func TestVault2IsNotOpenBao(t *testing.T) {
	for version, server := range map[string]probetest.Dialect{"2.0.1": probetest.Community, "2.6.2": probetest.OpenBao, "v2.5.0-beta1": probetest.OpenBao} {
		w := probetest.NewWorld(t)
		w.Vault.Change(func(v *probetest.Vault) { v.Dialect, v.Version, v.Sealed = server, version, true })
		result, _ := w.Probe(probe.Memory{})
		if result.Diagnosis.Reason != diagnose.VaultSealed || result.Evidence.Health.Value.OpenBao != (server == probetest.OpenBao) {
			t.Errorf("version %s: %s, OpenBao %t", version, result.Diagnosis.Reason, result.Evidence.Health.Value.OpenBao)
		}
		checkCLI(t, server, result)
		named := "version " + version
		if server == probetest.OpenBao {
			named = "OpenBao " + version
		}
		if said := evidence.DescribeHealth(result.Evidence.Health.Value); !strings.HasSuffix(said, ", "+named) {
			t.Errorf("version %s is described as %s", version, said)
		}
	}
}

package diagnose

import (
	"slices"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// TestDroppedPacketsMayBeOurs checks which advice names the exporter's own NetworkPolicy, and that DNS comes first if it fails for both
// servers.
func TestDroppedPacketsMayBeOurs(t *testing.T) {
	dns := evidence.Failure{Class: evidence.ClassDNS}
	for _, c := range []struct {
		reason  Reason
		e       evidence.Evidence
		first   bool   // whether DNS for both comes first
		command string // in the last note
	}{
		{VaultDNS, evidence.Evidence{Login: evidence.Fact[evidence.Login]{Failure: dns}}, false, "kubectl -n <namespace> get networkpolicy -o yaml"},
		{VaultDNS, evidence.Evidence{Login: evidence.Fact[evidence.Login]{Failure: dns}, Review: evidence.Fact[evidence.Review]{Failure: dns}}, true, "get networkpolicy"},
		{VaultTimeout, evidence.Evidence{OwnToken: evidence.Fact[evidence.Claims]{Value: evidence.Claims{Namespace: "monitoring"}}}, false, "kubectl -n 'monitoring' get networkpolicy"},
		{VaultUnreachable, evidence.Evidence{}, false, "get networkpolicy"},
		{KubernetesDNS, evidence.Evidence{Review: evidence.Fact[evidence.Review]{Failure: dns}}, false, "get networkpolicy"},
		{KubernetesTimeout, evidence.Evidence{}, false, "get networkpolicy"},
		{KubernetesUnreachable, evidence.Evidence{}, false, "get networkpolicy"},
		{VaultTLSExpired, evidence.Evidence{}, false, ""},
	} {
		notes := c.reason.Advice(evidence.Target{}, c.e).Notes
		if got := strings.HasPrefix(notes[0], "The API server's name does not resolve either"); got != c.first {
			t.Errorf("%s: the first note is %q", c.reason, notes[0])
		}
		named := slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "get networkpolicy") })
		if named != (c.command != "") || !strings.Contains(strings.Join(notes, "\n"), c.command) {
			t.Errorf("%s: the notes are %q, want %q in them", c.reason, notes, c.command)
		}
	}
}

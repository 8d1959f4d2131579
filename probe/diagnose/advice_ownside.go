package diagnose

import (
	"fmt"
	"slices"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// asIfDropped are the reasons that look the same if a NetworkPolicy drops the exporter's own packets.
var asIfDropped = []Reason{VaultDNS, VaultUnreachable, VaultTimeout, KubernetesDNS, KubernetesUnreachable, KubernetesTimeout}

// checkOwnSide adds what to check beside the exporter itself. If neither server's name resolves, that comes first.
func (a Advice) checkOwnSide(r Reason, e evidence.Evidence) Advice {
	if !slices.Contains(asIfDropped, r) {
		return a
	}
	if r == VaultDNS && neitherResolves(e) {
		a.Notes = slices.Insert(slices.Clone(a.Notes), 0,
			"The API server's name does not resolve either: first check DNS where the exporter runs, and whether its pod may reach it.")
	}
	a.Notes = append(a.Notes, fmt.Sprintf("If the exporter runs in a pod, a NetworkPolicy of its own may drop these packets: "+
		"kubectl -n %s get networkpolicy -o yaml shows the ports that are allowed. They are ports of pods and nodes, not of a Service.",
		shell.QuoteUntrusted(e.OwnToken.Value.Namespace, "namespace")))
	return a
}

// neitherResolves reports whether the names of both servers failed to resolve.
func neitherResolves(e evidence.Evidence) bool {
	isDNS := func(failures ...evidence.Failure) bool {
		return slices.ContainsFunc(failures, func(f evidence.Failure) bool { return f.Class == evidence.ClassDNS })
	}
	return isDNS(e.Login.Failure, e.Health.Failure) && isDNS(e.Review.Failure, e.Access.Failure, e.ReviewerToken.Failure, e.CanaryToken.Failure)
}

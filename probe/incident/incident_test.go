package incident_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// result returns a run that failed with the reason since so many minutes after noon.
func result(name string, reason diagnose.Reason, minutes int, change ...func(*probe.Result)) probe.Result {
	r := probe.Result{
		Target: evidence.Target{
			Name:       name,
			Vault:      evidence.Vault{Addr: "https://vault", Mount: "kubernetes", Role: "canary"},
			Kubernetes: evidence.Kubernetes{Host: "https://api"},
		},
		Since:     noon.Add(time.Duration(minutes) * time.Minute),
		Diagnosis: diagnose.Diagnosis{Verdict: diagnose.Verdict{Reason: reason}},
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func addr(a string) func(*probe.Result) { return func(r *probe.Result) { r.Target.Vault.Addr = a } }
func space(n string) func(*probe.Result) {
	return func(r *probe.Result) { r.Target.Vault.Namespace = n }
}
func mount(m string) func(*probe.Result) { return func(r *probe.Result) { r.Target.Vault.Mount = m } }
func role(n string) func(*probe.Result)  { return func(r *probe.Result) { r.Target.Vault.Role = n } }
func host(h string) func(*probe.Result) {
	return func(r *probe.Result) { r.Target.Kubernetes.Host = h }
}

func reviewer(subject string) func(*probe.Result) {
	return func(r *probe.Result) { r.Evidence.ReviewerToken.Value.Subject = subject }
}

func identity(username string) func(*probe.Result) {
	return func(r *probe.Result) { r.Evidence.Identity.Value.Username = username }
}

func accessReview(namespace, name string) func(*probe.Result) {
	return func(r *probe.Result) {
		r.Target.Reviewer.ServiceAccount = evidence.ServiceAccount{Namespace: namespace, Name: name}
	}
}

func TestGroup(t *testing.T) {
	for name, test := range map[string]struct {
		results []probe.Result
		// In each incident: the reason, the object, the minute in which it began, the targets.
		want []string
	}{
		"nothing was probed": {nil, nil},
		"all are healthy":    {[]probe.Result{result("a", diagnose.None, 0)}, nil},
		"one sealed Vault, several mounts and roles": {
			[]probe.Result{
				result("b", diagnose.VaultSealed, 3, mount("k8s/b"), host("https://b")),
				result("c", diagnose.None, 0, mount("k8s/c")),
				result("a", diagnose.VaultSealed, 5, mount("k8s/a"), role("other")),
			},
			[]string{"vault_sealed https://vault +3: a b"},
		},
		"two Vaults": {
			[]probe.Result{result("a", diagnose.VaultSealed, 0), result("b", diagnose.VaultSealed, 1, addr("https://other"))},
			[]string{"vault_sealed https://vault +0: a", "vault_sealed https://other +1: b"},
		},
		"two namespaces of one Vault": {
			[]probe.Result{result("a", diagnose.VaultNamespaceMissing, 0, space("x")), result("b", diagnose.VaultNamespaceMissing, 0, space("y"))},
			[]string{"vault_namespace_missing https://vault namespace x +0: a", "vault_namespace_missing https://vault namespace y +0: b"},
		},
		"two namespaces of one sealed Vault": {
			[]probe.Result{result("a", diagnose.VaultSealed, 0, space("x")), result("b", diagnose.VaultSealed, 0, space("y"))},
			[]string{"vault_sealed https://vault +0: a b"},
		},
		"two namespaces, each locked": {
			[]probe.Result{result("a", diagnose.VaultNamespaceUnavailable, 0, space("x")), result("b", diagnose.VaultNamespaceUnavailable, 0, space("y"))},
			[]string{"vault_namespace_unavailable https://vault namespace x +0: a", "vault_namespace_unavailable https://vault namespace y +0: b"},
		},
		"one Vault, two reasons": {
			[]probe.Result{result("a", diagnose.VaultSealed, 0), result("b", diagnose.VaultTimeout, 0), result("c", diagnose.VaultTimeout, 0)},
			[]string{"vault_timeout https://vault +0: b c", "vault_sealed https://vault +0: a"},
		},
		"a mount is a mount, whatever the role": {
			[]probe.Result{result("a", diagnose.MountMissing, 0), result("b", diagnose.MountMissing, 0, role("other")), result("c", diagnose.MountMissing, 0, mount("k8s"))},
			[]string{"mount_missing https://vault auth/kubernetes +0: a b", "mount_missing https://vault auth/k8s +0: c"},
		},
		"a role is a role of its mount": {
			[]probe.Result{result("a", diagnose.RoleMissing, 0), result("b", diagnose.RoleMissing, 0), result("c", diagnose.RoleMissing, 0, mount("k8s"))},
			[]string{"role_missing https://vault auth/kubernetes/role/canary +0: a b", "role_missing https://vault auth/k8s/role/canary +0: c"},
		},
		"a reviewer of several mounts": {
			[]probe.Result{
				result("a", diagnose.ReviewerForbidden, 0, reviewer("system:serviceaccount:vault:auth")),
				result("b", diagnose.ReviewerForbidden, 0, identity("system:serviceaccount:vault:auth"), mount("k8s"), addr("https://other")),
				result("c", diagnose.ReviewerForbidden, 0, accessReview("vault", "vault")),
				result("d", diagnose.ReviewerForbidden, 0, accessReview("vault", "vault"), host("https://elsewhere")),
			},
			[]string{
				"reviewer_forbidden https://api system:serviceaccount:vault:auth +0: a b",
				"reviewer_forbidden https://api vault/vault +0: c",
				"reviewer_forbidden https://elsewhere vault/vault +0: d",
			},
		},
		"one API server, several Vaults": {
			[]probe.Result{result("a", diagnose.KubernetesUnreachable, 0), result("b", diagnose.KubernetesUnreachable, 0, addr("https://other"))},
			[]string{"kubernetes_unreachable https://api +0: a b"},
		},
		"Vault's way to Kubernetes is that of a mount": {
			[]probe.Result{result("a", diagnose.VaultToKubernetesTLS, 0), result("b", diagnose.VaultToKubernetesTLS, 0), result("c", diagnose.VaultToKubernetesTLS, 0, mount("k8s"))},
			[]string{"vault_to_kubernetes_tls https://vault auth/kubernetes +0: a b", "vault_to_kubernetes_tls https://vault auth/k8s +0: c"},
		},
		"pods before the exporter's own faults, then many before few, then old before new": {
			[]probe.Result{
				result("a", diagnose.CanaryExpired, 0), result("b", diagnose.CanaryExpired, 0),
				result("c", diagnose.RoleMissing, 9), result("d", diagnose.VaultDNS, 1), result("e", diagnose.MountMissing, 5), result("f", diagnose.MountMissing, 7),
			},
			[]string{
				"mount_missing https://vault auth/kubernetes +5: e f", "vault_dns https://vault +1: d",
				"role_missing https://vault auth/kubernetes/role/canary +9: c", "canary_expired https://api +0: a b",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 3 { // the order of the results does not matter
				var got []string
				for _, i := range incident.Group(test.results) {
					if i.Component != i.Reason.Component() || i.LoginStatus() == diagnose.LoginsWork {
						t.Errorf("%s: component %s, logins %s", i.Reason, i.Component, i.LoginStatus())
					}
					got = append(got, fmt.Sprintf("%s %s +%.0f: %s", i.Reason, i.Object, i.Since.Sub(noon).Minutes(), strings.Join(i.Targets(), " ")))
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("incidents (-want +got):\n%s", diff)
				}
				if len(test.results) > 0 {
					test.results = slices.Concat(test.results[1:], test.results[:1])
				}
			}
		})
	}
}

// Every failure belongs to exactly one incident.
func TestGroupLosesNothing(t *testing.T) {
	var results []probe.Result
	for i, reason := range diagnose.Reasons() {
		results = append(results, result(fmt.Sprintf("%03d", i), reason, i), result(fmt.Sprintf("%03d-same", i), reason, i))
	}
	seen := map[string]int{}
	for _, i := range incident.Group(results) {
		if i.Object == "" {
			t.Errorf("%s has no object", i.Reason)
		}
		for _, target := range i.Targets() {
			seen[target]++
		}
	}
	for _, r := range results {
		if seen[r.Target.Name] != 1 {
			t.Errorf("%s (%s) is in %d incidents", r.Target.Name, r.Diagnosis.Reason, seen[r.Target.Name])
		}
	}
}

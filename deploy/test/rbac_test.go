package deploy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/discover"
)

const (
	audited = "cluster: create subjectaccessreviews.authorization.k8s.io"
	reviews = "cluster: create tokenreviews.authentication.k8s.io"
)

// TestModesGetTheirPermissions checks that each mode gets exactly the permissions that it needs, and the pod's own token only if it uses one.
func TestModesGetTheirPermissions(t *testing.T) {
	for _, c := range []struct {
		values string
		ownPod bool // whether the pod's token is mounted at its usual path
		want   []string
	}{
		{values: `reviewer: {mode: file, existingSecret: a, serviceAccount: ""}`},
		{values: `reviewer: {mode: secret, secret: vault/a, serviceAccount: ""}`, ownPod: true, want: []string{"vault: get secrets a"}},
		{values: `reviewer: {mode: serviceaccount}`, ownPod: true, want: []string{"vault: create serviceaccounts/token vault"}},
		{values: `{}`, ownPod: true, want: []string{audited}},
		{values: `reviewer: {mode: canary, serviceAccount: ""}`, want: []string{reviews}},
		{values: `{reviewer: {mode: canary, serviceAccount: ""}, canary: {mode: serviceaccount, serviceAccount: apps/canary}}`, ownPod: true,
			want: []string{"apps: create serviceaccounts/token canary"}},
		{values: `{reviewer: {mode: serviceaccount}, canary: {mode: serviceaccount, serviceAccount: vault/canary}}`, ownPod: true,
			want: []string{"vault: create serviceaccounts/token canary", "vault: create serviceaccounts/token vault"}},
		{values: `{reviewer: {mode: file, existingSecret: a, serviceAccount: ""}, leaderElection: {enabled: true}}`, ownPod: true,
			want: []string{"monitoring: create leases.coordination.k8s.io", "monitoring: get,update leases.coordination.k8s.io vault-k8s-auth-exporter"}},
		{values: `{reviewer: {mode: file, existingSecret: a, serviceAccount: ""}, kubernetesEvents: {enabled: true}}`, ownPod: true,
			want: []string{"monitoring: create,patch events.events.k8s.io"}},
		{values: `{reviewer: {mode: secret, secret: vault/a, serviceAccount: ""}, kubernetesEvents: {enabled: true, object: deployment/vault/exporter}}`, ownPod: true,
			want: []string{"vault: create,patch events.events.k8s.io", "vault: get secrets a"}},
		{values: `{reviewer: {mode: file, existingSecret: a, serviceAccount: ""}, reviewerReview: true}`, ownPod: true, want: []string{reviews}},
		{values: `kubernetes: {host: "https://api", thisCluster: true}`, want: []string{audited}},
		{values: `kubernetes: {host: "https://api", token: {existingSecret: a}}`},
		{values: `kubernetes: {host: "https://kubernetes.default.svc:443"}`, ownPod: true, want: []string{audited}},
		{values: `targets: [{name: a}, {name: b}]`, ownPod: true, want: []string{audited}},
		{values: `targets: [{name: a, reviewer: secret, reviewer_secret: x/y}, {name: b, reviewer: serviceaccount, reviewer_service_account: p/q},
			{name: c, kubernetes_host: "https://other", kubernetes_token_file: /t}]`, ownPod: true,
			want: []string{"p: create serviceaccounts/token q", "x: get secrets y"}},
		{values: `rbac: {create: false}`, ownPod: true},
	} {
		all := render(t, merged(t, c.values))
		if diff := cmp.Diff(c.want, granted(t, all)); diff != "" {
			t.Errorf("%s (-want +granted):\n%s", c.values, diff)
		}
		if has := hasOwnToken(podOf(t, all).Spec); has != c.ownPod {
			t.Errorf("%s: the pod has its own token: %t, want %t", c.values, has, c.ownPod)
		}
	}
}

// TestWorkloadsRole checks that the role for workloads permits to list exactly the kinds that are read, which are no Secrets, that it is a
// role of its own, and that nothing of it is granted by default.
func TestWorkloadsRole(t *testing.T) {
	const text = `{reviewer: {mode: file, existingSecret: a, serviceAccount: ""}, workloads: {enabled: true}}`
	all := render(t, merged(t, text))
	granted(t, all)
	permitted := listedBy(t, all)[""]
	if diff := cmp.Diff(kindsRead(true), permitted); diff != "" {
		t.Errorf("(-read +permitted):\n%s", diff)
	}
	if slices.Contains(permitted, "secrets") {
		t.Error("it permits to list Secrets")
	}
	if !hasOwnToken(podOf(t, all).Spec) {
		t.Error("the pod has no token to read with")
	}
}

// TestWorkloadsRoles checks that with namespaces there is a Role in each, for the kinds that are in namespaces, and no ClusterRole.
func TestWorkloadsRoles(t *testing.T) {
	all := render(t, merged(t, `{reviewer: {mode: file, existingSecret: a, serviceAccount: ""}, workloads: {enabled: true, namespaces: [shop, pay]}}`))
	for _, row := range granted(t, all) {
		if strings.HasPrefix(row, "cluster:") {
			t.Errorf("granted is %s", row)
		}
	}
	want := map[string][]string{"shop": kindsRead(false), "pay": kindsRead(false)}
	if diff := cmp.Diff(want, listedBy(t, all)); diff != "" {
		t.Errorf("(-read +permitted):\n%s", diff)
	}
}

// kindsRead are the kinds that are read, with or without those that are in no namespace, sorted.
func kindsRead(clusterScoped bool) []string {
	var names []string
	for _, s := range discover.Sources {
		if clusterScoped || !s.ClusterScoped {
			names = append(names, s.Name())
		}
	}
	slices.Sort(names)
	return names
}

// listedBy returns the kinds that the roles for workloads permit to list, sorted, by namespace; that of a ClusterRole is empty.
func listedBy(t *testing.T, all objects) map[string][]string {
	t.Helper()
	kinds := map[string][]string{}
	for _, o := range all {
		if o.GetKind() != "ClusterRole" && o.GetKind() != "Role" || !strings.HasSuffix(o.GetName(), "-workloads") {
			continue
		}
		var role rbac.ClusterRole
		into(t, o, &role)
		for _, rule := range role.Rules {
			if !slices.Equal(rule.Verbs, []string{"list"}) {
				t.Errorf("it permits to %v %v", rule.Verbs, rule.Resources)
			}
			for _, plural := range rule.Resources {
				kinds[o.GetNamespace()] = append(kinds[o.GetNamespace()], strings.TrimSuffix(plural+"."+rule.APIGroups[0], "."))
			}
		}
		slices.Sort(kinds[o.GetNamespace()])
	}
	return kinds
}

// granted lists the permissions that role bindings give the pod's account.
func granted(t *testing.T, all objects) []string {
	t.Helper()
	bound := map[string]bool{}
	for _, o := range all {
		if o.GetKind() != "RoleBinding" && o.GetKind() != "ClusterRoleBinding" {
			continue
		}
		var b rbac.ClusterRoleBinding // a RoleBinding has the same fields
		into(t, o, &b)
		account := rbac.Subject{Kind: "ServiceAccount", Namespace: namespace, Name: podOf(t, all).Spec.ServiceAccountName}
		if len(b.Subjects) != 1 || b.Subjects[0] != account {
			t.Errorf("%s binds %v", objectKey(o), b.Subjects)
		}
		bound[b.RoleRef.Kind+"/"+o.GetNamespace()+"/"+b.RoleRef.Name] = true
	}
	var rows []string
	for _, o := range all {
		if o.GetKind() != "Role" && o.GetKind() != "ClusterRole" {
			continue
		}
		if !bound[o.GetKind()+"/"+o.GetNamespace()+"/"+o.GetName()] {
			t.Errorf("%s is not bound", objectKey(o))
		}
		var r rbac.ClusterRole
		into(t, o, &r)
		for _, rule := range r.Rules {
			rows = append(rows, row(o.GetNamespace(), rule))
		}
	}
	slices.Sort(rows)
	return rows
}

func row(in string, r rbac.PolicyRule) string {
	if in == "" {
		in = "cluster"
	}
	resource := strings.TrimSuffix(strings.Join(r.Resources, ",")+"."+strings.Join(r.APIGroups, ","), ".")
	return strings.TrimSpace(fmt.Sprintf("%s: %s %s %s", in, strings.Join(r.Verbs, ","), resource, strings.Join(r.ResourceNames, ",")))
}

func hasOwnToken(pod core.PodSpec) bool {
	for _, v := range pod.Volumes {
		if v.Name != "pod" {
			continue
		}
		for _, source := range v.Projected.Sources {
			if source.ServiceAccountToken != nil {
				return true
			}
		}
	}
	return false
}

// TestCanaryTokenAudience checks that the canary's token has its own audience, unless it is also the reviewer's token.
func TestCanaryTokenAudience(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                          "vault",
		`canary: {audience: openbao}`: "openbao",
		`reviewer: {mode: canary, serviceAccount: ""}`: "",
	} {
		for _, v := range podOf(t, render(t, merged(t, text))).Spec.Volumes {
			if v.Name == "canary" && v.Projected.Sources[0].ServiceAccountToken.Audience != want {
				t.Errorf("%s: audience %q, want %q", text, v.Projected.Sources[0].ServiceAccountToken.Audience, want)
			}
		}
	}
}

// TestOnlyTheEnvironmentRestartsPods checks that changed targets do not restart the pods, which reload them, and that a changed
// variable does.
func TestOnlyTheEnvironmentRestartsPods(t *testing.T) {
	pod := func(text string) core.PodTemplateSpec { return podOf(t, render(t, merged(t, text))) }
	before := pod(`targets: [{name: a}]`)
	if diff := cmp.Diff(before, pod(`targets: [{name: a}, {name: b, interval: 5m}]`)); diff != "" {
		t.Errorf("an additional target restarts the pods:\n%s", diff)
	}
	if before.Annotations["checksum/environment"] == pod(`{targets: [{name: a}], interval: 90s}`).Annotations["checksum/environment"] {
		t.Error("a changed interval does not restart the pods, which read it only at startup")
	}
}

package discover

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// injectedIn is a pod that logs in with a role, in a namespace.
func injectedIn(namespace, role string) string {
	return strings.Replace(pods("web", `{vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/role: `+role+`}`, ``), "namespace: apps", "namespace: "+namespace, 1)
}

// forbidden is how an API server refuses a list.
func forbidden(resource, scope string) http.HandlerFunc {
	return fails(http.StatusForbidden, resource+` is forbidden: User "u" cannot list resource "`+resource+`" `+scope, "")
}

// readIn reads some namespaces of a cluster where nothing may be listed in all of them.
func readIn(t *testing.T, c *fakeCluster, namespaces ...string) workload.Inventory {
	t.Helper()
	for _, s := range Sources {
		c.instead[s.path(s.Versions[0], "")] = forbidden(s.Plural, "at the cluster scope")
	}
	r := c.reader(t)
	r.Namespaces = namespaces
	return r.Read(t.Context())
}

// TestNamespaces checks that with namespaces only these are read, each by a list of its own, and that the kinds without
// a namespace are said to be forbidden.
func TestNamespaces(t *testing.T) {
	c := cluster(t, injectedIn("one", "a")+injectedIn("two", "b")+injectedIn("three", "c")+
		of("cert-manager.io/v1", "Issuer", "two/i", `{vault: {server: "https://v", auth: {kubernetes: {role: d, serviceAccountRef: {name: sa}}}}}`)+
		"\n---\n{apiVersion: cert-manager.io/v1, kind: ClusterIssuer, metadata: {name: c}}")
	i := readIn(t, c, "one", "two", "empty")
	want := []string{"kubernetes a one/web < Pod one/web ×1", "kubernetes b two/web < Pod two/web ×1", "kubernetes d two/sa for https://v,vault://two/i at https://v < Issuer two/i"}
	got := lines(i)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, state := range map[string]workload.SourceState{
		"pods": workload.SourceRead, "deployments.apps": workload.SourceRead, "issuers.cert-manager.io": workload.SourceRead,
		"clusterissuers.cert-manager.io": workload.SourceForbidden, csiDriverSource: workload.SourceForbidden, "vaultauths.secrets.hashicorp.com": workload.SourceNotInstalled,
	} {
		if s := source(t, i, name); s.State != state || (s.Error != "") != (state == workload.SourceForbidden) {
			t.Errorf("%+v, want %s", s, state)
		}
	}
	if n := c.asked(podList); n != 0 {
		t.Errorf("the pods of all namespaces were asked for %d times", n)
	}
}

// TestNamespaceWithoutTheRight checks that namespaces that are refused are named, and hide neither the others nor what is
// known of these.
func TestNamespaceWithoutTheRight(t *testing.T) {
	c := cluster(t, injectedIn("one", "a")+injectedIn("two", "b"))
	for _, namespace := range []string{"two", "three"} {
		c.instead["api/v1/namespaces/"+namespace+"/pods"] = forbidden("pods", `in the namespace "`+namespace+`"`)
	}
	c.instead["api/v1/namespaces/two/serviceaccounts"] = forbidden("serviceaccounts", `in the namespace "two"`)
	i := readIn(t, c, "one", "two", "three")
	if diff := cmp.Diff([]string{"kubernetes a one/web < Pod one/web ×1"}, lines(i)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s := source(t, i, "pods")
	if s.State != workload.SourcePartial || s.Objects != 1 || s.Logins != 1 || !strings.HasSuffix(s.Error, `cannot list resource "pods" in the namespace "two"; likewise in three`) {
		t.Errorf("%+v", s)
	}
	if !i.Entries[0].AccountMissing {
		t.Error("an account that is missing in a namespace that was read is not said to be")
	}
}

// TestUnreadNamespacesHideNothing checks that what may be in a namespace that is not read is not said to be missing.
func TestUnreadNamespacesHideNothing(t *testing.T) {
	c := cluster(t, vso("VaultAuth", "one/lone", `{method: kubernetes, mount: m, kubernetes: {role: r, serviceAccount: sa}}`)+
		vso("VaultAuth", "one/shared", `{method: kubernetes, vaultAuthGlobalRef: {name: g, namespace: vso}, kubernetes: {role: r, serviceAccount: sa}}`)+
		vso("VaultStaticSecret", "one/a", `{vaultAuthRef: auths/there}`)+vso("VaultStaticSecret", "one/b", `{vaultAuthRef: gone}`)+vso("VaultStaticSecret", "one/c", `{vaultAuthRef: shared}`)+
		strings.ReplaceAll(classOf(`{roleName: web}`)+mounting("a"), "namespace: apps", "namespace: one"))
	want := []string{
		"not SecretProviderClass one/db: it names no audience, and the CSIDriver secrets-store.csi.k8s.io, which says whether its token is for Vault, cannot be read",
		"not VaultAuth one/shared: the VaultAuthGlobals in vso cannot be read",
		"not VaultStaticSecret one/b: its VaultAuth one/gone does not exist",
	}
	if diff := cmp.Diff(want, lines(readIn(t, c, "one"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

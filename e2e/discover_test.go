package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/discover"
)

// workloadsOfEach is how many logins the lab has of every kind of object.
const workloadsOfEach = 40

// TestDiscovery reads the workloads of a real API server: with a role that permits to list exactly the kinds of
// discover.Sources everything is found, as it is with an administrator's kubeconfig, and each rule that is missing is said.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	env := l.FullEnv()
	reader := discover.InCluster(evidence.Kubernetes{
		Host: valueOf(env, "EXPORTER_KUBERNETES_HOST"), CACert: valueOf(env, "EXPORTER_KUBERNETES_CACERT"), TokenFile: valueOf(env, "EXPORTER_KUBERNETES_TOKEN_FILE"),
	}, "test")

	const ofKubernetes = 8 // kinds that every API server has
	wantStates(t, "without operators", reader.Read(t.Context()), map[workload.SourceState]int{
		workload.SourceForbidden: ofKubernetes, workload.SourceNotInstalled: len(discover.Sources) - ofKubernetes,
	})
	workloads, err := l.ApplyWorkloads(t.Context(), workloadsOfEach)
	if err != nil {
		t.Fatal(err)
	}
	wantStates(t, "without a role", reader.Read(t.Context()), map[workload.SourceState]int{workload.SourceForbidden: len(discover.Sources)})

	permit(t, l, discover.Sources)
	began := time.Now()
	full := readUntil(t, reader, func(i workload.Inventory) bool { return !slices.ContainsFunc(i.Sources, notRead) })
	t.Logf("%d logins of %d sources in %.1fs", len(full.Entries), len(full.Sources), time.Since(began).Seconds())
	wantWorkloads(t, full, workloads)
	for _, w := range workloads {
		if err := l.LogIn(t.Context(), w); err != nil {
			t.Errorf("%s cannot log in: %v", w.Role, err)
		}
	}

	administrator, err := discover.FromKubeconfig(valueOf(l.AdminEnv(), "KUBECONFIG"), "", "test")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full.Entries, administrator.Read(t.Context()).Entries); diff != "" {
		t.Errorf("a kubeconfig shows other logins:\n%s", diff)
	}

	for _, missing := range discover.Sources {
		t.Run("without "+missing.Name(), func(t *testing.T) {
			permit(t, l, slices.DeleteFunc(slices.Clone(discover.Sources), func(s discover.Source) bool { return s.Name() == missing.Name() }))
			i := readUntil(t, reader, func(i workload.Inventory) bool {
				return !slices.ContainsFunc(i.Sources, func(s workload.Source) bool { return notRead(s) != (s.Name == missing.Name()) })
			})
			for _, s := range i.Sources {
				if s.Name == missing.Name() && (s.State != workload.SourceForbidden || s.Objects != 0 || s.Logins != 0) {
					t.Errorf("%+v", s)
				}
			}
			if cmp.Equal(full.Entries, i.Entries) {
				t.Error("the same logins are found without it")
			}
		})
	}
}

// TestDiscoveryOfNamespaces reads the workloads of a real API server without a permission for all namespaces: with a Role in two of
// three namespaces, exactly what these two name is found, and the third and the kinds without a namespace are said to be missing.
func TestDiscoveryOfNamespaces(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	env := l.FullEnv()
	workloads, err := l.ApplyWorkloads(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	permitIn(t, l, "team-0")
	permitIn(t, l, "team-1")
	reader := discover.InCluster(evidence.Kubernetes{
		Host: valueOf(env, "EXPORTER_KUBERNETES_HOST"), CACert: valueOf(env, "EXPORTER_KUBERNETES_CACERT"), TokenFile: valueOf(env, "EXPORTER_KUBERNETES_TOKEN_FILE"),
	}, "test")
	reader.Namespaces = []string{"team-0", "team-1", "team-2"}
	refused := func(of discover.Source, s workload.Source) bool {
		state, scope := workload.SourcePartial, `in the namespace "team-2"`
		if of.ClusterScoped {
			state, scope = workload.SourceForbidden, "at the cluster scope"
		}
		return s.State == state && strings.Contains(s.Error, "is forbidden: User") && strings.HasSuffix(s.Error, scope)
	}
	inventory := readUntil(t, reader, func(i workload.Inventory) bool {
		for n, source := range discover.Sources {
			if !refused(source, i.Sources[n]) {
				return false
			}
		}
		return true
	})
	clusterScoped := []string{"cluster-store-00", "cluster-store-01", "generator-01", "csi-00"} // the last one leaves its audience to the CSIDriver
	var want, got []string
	for _, w := range workloads {
		if (w.Namespace == "team-0" || w.Namespace == "team-1") && !slices.Contains(clusterScoped, w.Role) {
			want = append(want, w.Role)
		}
	}
	for _, e := range inventory.Entries {
		got = append(got, e.Role)
		if e.AccountMissing {
			t.Errorf("the account of %s is said to be missing", e.Role)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("roles (-want +got):\n%s\nskipped: %+v", diff, inventory.Skipped)
	}
}

// permitIn has the exporter's account list the kinds that are in namespaces, in one of them.
func permitIn(t *testing.T, l *lab.Lab, namespace string) {
	t.Helper()
	var rules []any
	for _, s := range discover.Sources {
		if !s.ClusterScoped {
			rules = append(rules, map[string]any{"apiGroups": []string{s.Group}, "resources": []string{s.Plural}, "verbs": []string{"list"}})
		}
	}
	applyRole(t, l, namespace, rules)
}

// wantStates checks how many sources are in each state, and that whatever is forbidden says by whom.
func wantStates(t *testing.T, when string, i workload.Inventory, want map[workload.SourceState]int) {
	t.Helper()
	got := map[workload.SourceState]int{}
	for _, s := range i.Sources {
		got[s.State]++
		if s.State == workload.SourceForbidden && !strings.Contains(s.Error, "is forbidden: User") {
			t.Errorf("%s: %+v", when, s)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(i.Entries) > 0 {
		t.Errorf("%s: %d logins; (-want +got):\n%s", when, len(i.Entries), diff)
	}
}

func notRead(s workload.Source) bool { return s.State != workload.SourceRead }

// wantWorkloads checks that an inventory has exactly these logins, and skips none.
func wantWorkloads(t *testing.T, i workload.Inventory, workloads []lab.Workload) {
	t.Helper()
	byRole := map[string]workload.Entry{}
	for _, e := range i.Entries {
		byRole[e.Role] = e
	}
	for _, w := range workloads {
		e := byRole[w.Role]
		if e.Mount != w.Mount || e.ServiceAccount != (evidence.ServiceAccount{Namespace: w.Namespace, Name: w.Account}) || len(e.Objects) == 0 {
			t.Errorf("%+v is found as %+v", w, e)
		}
		if audiences := strings.Split(e.Audiences, ","); !slices.Contains(audiences, w.Audience) {
			t.Errorf("%s sends the audiences %q, want %q", w.Role, audiences, w.Audience)
		}
	}
	if len(i.Entries) != len(workloads) || len(i.Skipped) > 0 {
		t.Errorf("%d logins, want %d; skipped: %+v", len(i.Entries), len(workloads), i.Skipped)
	}
}

// readUntil reads until the API server has noticed a change of roles.
func readUntil(t *testing.T, r *discover.Reader, ok func(workload.Inventory) bool) workload.Inventory {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		i := r.Read(t.Context())
		if ok(i) {
			return i
		}
		if time.Now().After(deadline) {
			t.Fatalf("the sources are %+v", i.Sources)
		}
	}
}

// permit has the exporter's account list these kinds and no others.
func permit(t *testing.T, l *lab.Lab, sources []discover.Source) {
	t.Helper()
	var rules []any
	for _, s := range sources {
		rules = append(rules, map[string]any{"apiGroups": []string{s.Group}, "resources": []string{s.Plural}, "verbs": []string{"list"}})
	}
	applyRole(t, l, "", rules)
}

// applyRole writes a Role with these rules and binds the exporter's account to it; without a namespace, a ClusterRole.
func applyRole(t *testing.T, l *lab.Lab, namespace string, rules []any) {
	t.Helper()
	const name = "workloads"
	role, metadata := "ClusterRole", map[string]any{"name": name}
	if namespace != "" {
		role, metadata["namespace"] = "Role", namespace
	}
	objects := []any{
		map[string]any{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": role, "metadata": metadata, "rules": rules},
		map[string]any{
			"apiVersion": "rbac.authorization.k8s.io/v1", "kind": role + "Binding", "metadata": metadata,
			"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": name},
			"subjects": []any{map[string]any{"kind": "ServiceAccount", "namespace": "monitoring", "name": "vault-k8s-auth-exporter"}},
		},
	}
	content, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": objects})
	if err != nil {
		t.Fatal(err)
	}
	newShell(t, l).mustRun(fmt.Sprintf("echo '%s' | kubectl apply -f -", content))
}

// valueOf is the value of a variable of an environment.
func valueOf(env []string, name string) string {
	for _, variable := range env {
		if value, found := strings.CutPrefix(variable, name+"="); found {
			return value
		}
	}
	return ""
}

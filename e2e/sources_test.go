package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// A source is a token source, and the one permission that it needs. The exporter's identity is the
// service account monitoring/probe, or that of its pod.
type source struct {
	grant, revoke []string
	env           []string
	inPod         bool
	// What the identity may do in the namespaces vault and monitoring, beyond what every account
	// may, in the format of kubectl auth can-i --list.
	permissions []string
	// The reason and the warning that a run without the permission gives.
	reasonWithout, warningWithout string
}

const mintReviewer = "kubectl -n vault create role probe --verb=create --resource=serviceaccounts/token --resource-name=vault-auth"

var sources = map[string]source{
	"serviceaccount": {
		grant:         []string{mintReviewer, "kubectl -n vault create rolebinding probe --role=probe --serviceaccount=monitoring:probe"},
		revoke:        []string{"kubectl -n vault delete rolebinding probe"},
		env:           []string{"EXPORTER_REVIEWER=serviceaccount", "EXPORTER_REVIEWER_TOKEN_FILE=", "EXPORTER_REVIEWER_SERVICE_ACCOUNT=vault/vault-auth"},
		permissions:   []string{"vault: serviceaccounts/token [] [vault-auth] [create]"},
		reasonWithout: "none", warningWithout: "reviewer_not_checked",
	},
	"accessreview": {
		grant: []string{
			"kubectl create clusterrole probe --verb=create --resource=subjectaccessreviews.authorization.k8s.io",
			"kubectl create clusterrolebinding probe --clusterrole=probe --serviceaccount=monitoring:probe",
		},
		revoke: []string{"kubectl delete clusterrolebinding probe"},
		env:    []string{"EXPORTER_REVIEWER=accessreview", "EXPORTER_REVIEWER_TOKEN_FILE=", "EXPORTER_REVIEWER_SERVICE_ACCOUNT=vault/vault-auth"},
		permissions: []string{
			"monitoring: subjectaccessreviews.authorization.k8s.io [] [] [create]",
			"vault: subjectaccessreviews.authorization.k8s.io [] [] [create]",
		},
		reasonWithout: "none", warningWithout: "reviewer_not_checked",
	},
	"canary serviceaccount": {
		grant: []string{
			"kubectl -n monitoring create role probe --verb=create --resource=serviceaccounts/token --resource-name=canary",
			"kubectl -n monitoring create rolebinding probe --role=probe --serviceaccount=monitoring:probe",
		},
		revoke: []string{"kubectl -n monitoring delete rolebinding probe"},
		env: []string{"EXPORTER_CANARY=serviceaccount", "EXPORTER_CANARY_TOKEN_FILE=", "EXPORTER_CANARY_SERVICE_ACCOUNT=monitoring/canary",
			"EXPORTER_CANARY_AUDIENCES=vault"},
		permissions:   []string{"monitoring: serviceaccounts/token [] [canary] [create]"},
		reasonWithout: "exporter_forbidden",
	},
	"secret": {
		inPod: true,
		grant: []string{
			`kubectl -n vault create secret generic vault-auth-token --from-literal=token="$(cat "$EXPORTER_REVIEWER_TOKEN_FILE")"`,
			"kubectl -n vault create role probe --verb=get --resource=secrets --resource-name=vault-auth-token",
			"kubectl -n vault create rolebinding probe --role=probe --serviceaccount=monitoring:exporter",
		},
		revoke: []string{"kubectl -n vault delete rolebinding probe"},
		env:    []string{"EXPORTER_REVIEWER=secret", "EXPORTER_REVIEWER_TOKEN_FILE=", "EXPORTER_REVIEWER_SECRET=vault/vault-auth-token"},
		permissions: []string{ // includes what the lab's pod needs for leader election
			"monitoring: leases.coordination.k8s.io [] [] [create]",
			"monitoring: leases.coordination.k8s.io [] [vault-k8s-auth-exporter] [get update]",
			"vault: secrets [] [vault-auth-token] [get]",
		},
		reasonWithout: "none", warningWithout: "reviewer_not_checked",
	},
}

// TestSourcesNeedOnePermission probes with each source's permission and without it, and asks the
// API server what else the identity may do.
func TestSourcesNeedOnePermission(t *testing.T) {
	t.Parallel()
	for name, s := range sources {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLab(t)
			administrator := newShell(t, l)
			binary, token, env := s.identity(t, l, administrator)
			administrator.mustRun(s.grant...)
			administrator.awaitPermissions(token, true, s.permissions)
			with := checkAs(t, binary, env)
			if with.Reason != "none" || with.Reviewer.Reason != "none" || with.warns("reviewer_not_checked") {
				t.Errorf("with its permission: %s (%s), reviewer %s, warnings %+v", with.Reason, with.Detail, with.Reviewer.Reason, with.Warnings)
			}
			administrator.mustRun(s.revoke...)
			administrator.awaitPermissions(token, false, s.permissions)
			without := checkAs(t, binary, env)
			if without.Reason != s.reasonWithout || s.warningWithout != "" && !without.warns(s.warningWithout) {
				t.Errorf("without it: %s (%s), warnings %+v; want %s, %s", without.Reason, without.Detail, without.Warnings, s.reasonWithout, s.warningWithout)
			}
		})
	}
}

// identity returns the exporter's binary, the file of its token for the API server, and its
// environment.
func (s source) identity(t *testing.T, l *lab.Lab, administrator shell) (binary, token string, env []string) {
	t.Helper()
	env = environment(l.Env(), s.env...)
	if s.inPod {
		binary, pod := inPod(t, l)
		return binary, filepath.Join(pod.Files, "token"), append(env, pod.Env...)
	}
	token = filepath.Join(administrator.dir, "probe-token")
	administrator.mustRun("kubectl -n monitoring create serviceaccount probe", "kubectl -n monitoring create token probe > "+token)
	return shared.exporter, token, append(env, "EXPORTER_KUBERNETES_TOKEN_FILE="+token)
}

// inPod compiles an exporter that looks for a pod's files where the lab writes them.
func inPod(t *testing.T, l *lab.Lab) (binary string, pod lab.Pod) {
	t.Helper()
	pod, err := l.Pod(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return exporterInPod(t, pod.Files), pod
}

// awaitPermissions waits until the identity of a token has these permissions and no other, or no longer has: the API
// server watches bindings.
func (s shell) awaitPermissions(token string, has bool, permissions []string) {
	s.t.Helper()
	var diff string
	eventually(s.t, detectionTimeout, "the permissions", func() bool {
		diff = cmp.Diff(permissions, s.permissionsOf(token))
		return (diff == "") == has
	}, func() string { return "permissions of the identity (-want +got):\n" + diff })
}

// permissionsOf lists what a token's account may do in the namespaces vault and monitoring. It
// leaves out reviews of the account itself and URLs without a namespace.
func (s shell) permissionsOf(token string) []string {
	s.t.Helper()
	var rows []string
	for _, namespace := range []string{"monitoring", "vault"} {
		out := s.mustRun(`kubectl --kubeconfig=/dev/null --server="$EXPORTER_KUBERNETES_HOST" --certificate-authority="$EXPORTER_KUBERNETES_CACERT" ` +
			`--token="$(cat ` + token + `)" auth can-i --list --no-headers -n ` + namespace)
		for line := range strings.Lines(out) {
			words := strings.Fields(line)
			if len(words) > 3 && !strings.HasPrefix(words[0], "[") && !strings.HasPrefix(words[0], "self") {
				rows = append(rows, namespace+": "+strings.Join(words, " "))
			}
		}
	}
	slices.Sort(rows)
	return rows
}

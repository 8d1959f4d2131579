package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// A workloadLogin is a ServiceAccount that logs in, and what its rehearsal must find.
type workloadLogin struct {
	namespace, account string
	role, audience     string // of the login; the audience is the API server's own if it is empty
	reason             string // empty if it is ready
}

// workloadRoles are the roles at a mount. The roles selector and broken-selector admit namespaces
// with a label, and broken-audience wants an audience that nobody has.
func workloadRoles(mount string) []string {
	write := func(role, settings string) string {
		return "vault write auth/" + mount + "/role/" + role + " token_policies=default token_ttl=60s " + settings
	}
	return []string{
		write("web", "bound_service_account_names=web,api bound_service_account_namespaces=shop,pay"),
		write("any", "bound_service_account_names='*' bound_service_account_namespaces=shop,pay,ops"),
		write("vaulted", "bound_service_account_names='*' bound_service_account_namespaces='*' audience=vault"),
		write("selected", `bound_service_account_names='*' bound_service_account_namespace_selector='{"matchLabels":{"team":"pay"}}'`),
		write("by-name", "bound_service_account_names=web bound_service_account_namespaces=shop alias_name_source=serviceaccount_name"),
	}
}

// workloadLogins are forty logins, of which 25 are broken in every way that is found.
func workloadLogins() []workloadLogin {
	logins := []workloadLogin{
		{"shop", "web", "web", "", ""}, {"pay", "api", "web", "", ""}, {"shop", "api", "web", "", ""}, {"pay", "web", "WEB", "", ""},
		{"shop", "web", "by-name", "", ""}, {"pay", "api", "selected", "", ""}, {"pay", "web", "selected", "", ""},
		{"shop", "web", "vaulted", "vault", ""}, {"ops", "batch", "vaulted", "vault", ""},
		{"ops", "batch", "gone", "", "role_missing"}, {"shop", "web", "renamed", "", "role_missing"},
		{"shop", "old-web", "web", "", "role_service_account_mismatch"}, {"pay", "batch", "web", "", "role_service_account_mismatch"},
		{"shop", "api", "by-name", "", "role_service_account_mismatch"},
		{"ops", "web", "web", "", "role_namespace_mismatch"}, {"moved", "web", "web", "", "role_namespace_mismatch"},
		{"shop", "web", "selected", "", "role_namespace_mismatch"}, {"ops", "batch", "selected", "", "role_namespace_mismatch"},
		{"shop", "web", "vaulted", "other", "role_audience_mismatch"}, {"pay", "api", "vaulted", "", "role_audience_mismatch"},
	}
	for i := range 6 { // a whole namespace, and the same elsewhere
		logins = append(logins, workloadLogin{"shop", fmt.Sprint("app-", i), "any", "", ""})
		logins = append(logins, workloadLogin{"moved", fmt.Sprint("app-", i), "any", "", "role_namespace_mismatch"})
	}
	for i := range 6 { // all roles of a team were deleted
		logins = append(logins, workloadLogin{"ops", fmt.Sprint("app-", i), fmt.Sprint("deleted-", i), "", "role_missing"})
	}
	return append(logins, workloadLogin{"shop", "deleted", "any", "", "service_account_missing"}, workloadLogin{"closed", "app", "any", "", "service_account_missing"})
}

// declareMissing makes pods whose service account, or whose whole namespace, is deleted while they
// run. The lab has no controller that would finish the deletion of a namespace.
func (s shell) declareMissing() {
	s.t.Helper()
	pod := func(namespace, account, role string) []string {
		return []string{"kubectl -n " + namespace + " create serviceaccount " + account, fmt.Sprintf(`kubectl apply -f - <<'EOT'
apiVersion: v1
kind: Pod
metadata: {namespace: %s, name: %s, annotations: {vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/role: %s}}
spec: {serviceAccountName: %s, containers: [{name: app, image: app}]}
EOT`, namespace, account, role, account), "kubectl -n " + namespace + " delete serviceaccount " + account}
	}
	s.mustRun(slices.Concat(pod("shop", "deleted", "any"), []string{"kubectl create namespace closed"}, pod("closed", "app", "any"), []string{
		"kubectl delete namespace closed --wait=false",
		"kubectl get namespace closed -o json | jq '.spec.finalizers = []' | kubectl replace --raw /api/v1/namespaces/closed/finalize -f -",
	})...)
}

// declare writes the ServiceAccounts, with the annotations from which the logins are discovered.
func (s shell) declare(mount string, logins []workloadLogin) {
	s.t.Helper()
	type account struct{ namespace, name string }
	declared := map[account][]string{}
	var order []account
	for _, l := range logins {
		key := account{l.namespace, l.account}
		if declared[key] == nil {
			order = append(order, key)
		}
		text := mount + "/" + l.role
		if l.audience != "" {
			text += "?audience=" + l.audience
		}
		declared[key] = append(declared[key], text)
	}
	lines := []string{}
	for _, namespace := range []string{"shop", "pay", "ops", "moved"} {
		lines = append(lines, "kubectl create namespace "+namespace)
	}
	lines = append(lines, "kubectl label namespace pay team=pay",
		"kubectl create clusterrole vault-namespaces --verb=get --resource=namespaces",
		"kubectl create clusterrolebinding vault-namespaces --clusterrole=vault-namespaces --serviceaccount=vault:vault-auth", "cat > accounts.yaml <<'EOT'")
	for _, key := range order {
		lines = append(lines, fmt.Sprintf("---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  namespace: %s\n  name: %s\n  annotations:\n    vault-k8s-auth-exporter/logins: %q",
			key.namespace, key.name, strings.Join(declared[key], " ")))
	}
	s.mustRun(append(lines, "EOT", "kubectl apply -f accounts.yaml")...)
}

// A workloadsReport is the JSON output of workloads.
type workloadsReport struct {
	Logins []struct {
		State, Reason, Detail, Target, Mount, Role string
		Namespace                                  string `json:"service_account_namespace"`
		ServiceAccount                             string `json:"service_account"`
		Audiences                                  []string
		Check, Fix                                 []string
	}
	Unwatched []struct {
		Mount, Target string
		Elsewhere     struct{ Target, Address string }
	}
	Sources []struct{ Source, State string }
}

// workloads runs the command, which takes a second for each request to Vault.
func workloads(t *testing.T, env []string, args ...string) (outcome, workloadsReport) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, shared.exporter, append([]string{"workloads", "--output=json"}, args...)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &stdout, &stderr
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatalf("running the exporter: %v", err)
	}
	o := outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	var r workloadsReport
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("reading the report of workloads: %v\n%s%s", err, o.stdout, o.stderr)
	}
	return o, r
}

// loginTextOf is what Vault answers to a real login that is broken for this reason.
var loginTextOf = map[string]string{
	"role_missing":                  "invalid role name",
	"role_service_account_mismatch": "service account name not authorized",
	"role_namespace_mismatch":       "namespace not authorized",
	"role_audience_mismatch":        "invalid audience (aud) claim",
	"service_account_missing":       "not found", // says the API server: there is no token to log in with
}

// wantRealLogin logs in with a real token of the account, and requires what the rehearsal found.
func (s shell) wantRealLogin(mount string, l workloadLogin) {
	s.t.Helper()
	audience := ""
	if l.audience != "" {
		audience = " --audience=" + l.audience
	}
	out, err := s.run(fmt.Sprintf(`jwt="$(kubectl -n %s create token %s%s)"`, l.namespace, l.account, audience),
		fmt.Sprintf(`VAULT_ADDR="$EXPORTER_VAULT_ADDR" vault write auth/%s/login role=%s jwt="$jwt"`, mount, l.role))
	switch {
	case l.reason == "" && err != nil:
		s.t.Errorf("a false ready: %+v: %s", l, out)
	case l.reason != "" && (err == nil || !strings.Contains(out, loginTextOf[l.reason])):
		s.t.Errorf("a real login of %+v: %v, %s", l, err, out)
	}
}

// TestWorkloads rehearses forty logins with the real servers. Each ready one logs in with a real
// token, each broken one is rejected for the same reason, and no rehearsal issues a token. All are
// ready once what the command prints is pasted, but at another mount half of them are not.
func TestWorkloads(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	administrator := newShell(t, l)
	administrator.mustRun(append([]string{`export VAULT_ADDR="$EXPORTER_VAULT_ADDR"`}, workloadRoles("kubernetes")...)...)
	logins := workloadLogins()
	administrator.declare("kubernetes", logins[:len(logins)-2])
	administrator.declareMissing()
	env := slices.Concat(environment(l.FullEnv()), l.AdminEnv())

	accessors, requested, reviewed := accessorsOf(t, l), rehearsalsIn(t, l.AuditLog()), reviewsIn(t, l.KubernetesAuditLog())
	o, report := workloads(t, env)
	// The canary logs in once, and is reviewed for that.
	requested, reviewed = rehearsalsIn(t, l.AuditLog())-requested-1, reviewsIn(t, l.KubernetesAuditLog())-reviewed-1
	t.Logf("%d logins with forged tokens and %d TokenReviews for them", requested, reviewed)
	if requested > 2*len(logins) || reviewed != len(logins)-25 {
		t.Errorf("%d logins with forged tokens, %d TokenReviews for them; want at most 80, and one for each login that is ready", requested, reviewed)
	}
	if issued := accessorsOf(t, l) - accessors; issued != 0 {
		t.Errorf("%d tokens are left", issued)
	}
	broken := wantVerdicts(t, report, logins)
	if o.code != 1 || broken != 25 {
		t.Errorf("the exit code is %d, %d logins are broken; want 1 and 25\n%s", o.code, broken, o.stderr)
	}
	for _, one := range logins {
		administrator.wantRealLogin("kubernetes", one)
	}
	for _, one := range report.Logins {
		// The others are fixed in the objects: a role admits one audience, and a namespace is gone.
		if one.State == "broken" && one.Reason != "role_audience_mismatch" && one.Namespace != "closed" {
			if out, err := administrator.run(one.Fix...); err != nil {
				t.Errorf("the fix of %s as %s/%s fails: %v\n%s\n%s", one.Role, one.Namespace, one.ServiceAccount, err, strings.Join(one.Fix, "\n"), out)
			}
		}
	}
	for _, one := range logins {
		if one.reason != "role_audience_mismatch" && one.namespace != "closed" {
			one.reason = ""
			administrator.wantRealLogin("kubernetes", one)
		}
	}
	fixed := slices.DeleteFunc(slices.Clone(logins), func(l workloadLogin) bool { return l.namespace != "ops" })
	for i := range fixed {
		fixed[i].reason = ""
	}
	o, report = workloads(t, env, "--namespace=ops")
	if wantVerdicts(t, report, fixed); o.code != 0 {
		t.Errorf("after the fixes the exit code is %d", o.code)
	}
}

// TestWorkloadsAtAnotherMount rehearses logins at a mount that has half of their roles.
func TestWorkloadsAtAnotherMount(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	administrator := newShell(t, l)
	address := `export VAULT_ADDR="$EXPORTER_VAULT_ADDR"`
	administrator.mustRun(append([]string{address}, workloadRoles("kubernetes")...)...)
	logins := workloadLogins()[:9]
	administrator.declare("kubernetes", logins)
	administrator.mustRun(append([]string{
		address, "vault auth enable -path=new kubernetes",
		`vault write auth/new/config kubernetes_host="$EXPORTER_KUBERNETES_HOST" kubernetes_ca_cert=@"$EXPORTER_KUBERNETES_CACERT" ` +
			`token_reviewer_jwt=@"$EXPORTER_REVIEWER_TOKEN_FILE" disable_local_ca_jwt=true`,
		"vault write auth/new/role/canary bound_service_account_names=canary bound_service_account_namespaces=monitoring audience=vault token_policies=default token_ttl=60s",
	}, workloadRoles("new")[2:4]...)...)
	targets := filepath.Join(administrator.dir, "targets.yaml")
	if err := os.WriteFile(targets, []byte("- name: old\n  vault_mount: kubernetes\n- name: new\n  vault_mount: new\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := slices.Concat(environment(l.FullEnv()), l.AdminEnv(), []string{"EXPORTER_TARGETS_FILE=" + targets})
	for i := range logins {
		if role := logins[i].role; role != "vaulted" && role != "selected" {
			logins[i].reason = "role_missing"
		}
	}
	o, report := workloads(t, env, "--at=new")
	if broken := wantVerdicts(t, report, logins); o.code != 1 || broken != 5 {
		t.Errorf("the exit code is %d, %d of %d logins are broken at the new mount", o.code, broken, len(logins))
	}
	for _, one := range logins {
		administrator.wantRealLogin("new", one)
	}
}

// TestWorkloadsOfEverySource rehearses logins that every kind of object names. Of each kind, the role of
// one is deleted: it is broken, as a login with a real token shows, and the others are ready.
func TestWorkloadsOfEverySource(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	found, err := l.ApplyWorkloads(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	want, deleted := map[string]string{}, []string{`export VAULT_ADDR="$EXPORTER_VAULT_ADDR"`}
	seen := map[string]bool{}
	for _, w := range found {
		want[w.Role] = "ready"
		if !seen[w.Via] {
			seen[w.Via], want[w.Role] = true, "broken"
			deleted = append(deleted, "vault delete auth/"+w.Mount+"/role/"+w.Role)
		}
	}
	newShell(t, l).mustRun(deleted...)
	o, report := workloads(t, slices.Concat(environment(l.FullEnv()), l.AdminEnv()))
	got := map[string]string{}
	for _, one := range report.Logins {
		got[one.Role] = one.State
	}
	if diff := cmp.Diff(want, got); diff != "" || o.code != 1 {
		t.Errorf("exit code %d, states by role (-want +got):\n%s", o.code, diff)
	}
	for _, w := range found {
		if err := l.LogIn(t.Context(), w); (err == nil) != (got[w.Role] == "ready") {
			t.Errorf("%s, of %s, is %s, and its login: %v", w.Role, w.Via, got[w.Role], err)
		}
	}
}

// TestWorkloadsAreRehearsedContinuously runs the daemon in a pod: it discovers and rehearses by itself,
// and a role that is deleted later is reported once a second rehearsal has confirmed it.
func TestWorkloadsAreRehearsedContinuously(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	administrator := newShell(t, l)
	address := `export VAULT_ADDR="$EXPORTER_VAULT_ADDR"`
	administrator.mustRun(append([]string{address}, workloadRoles("kubernetes")...)...)
	logins := workloadLogins()[4:10] // one is broken
	administrator.declare("kubernetes", logins)
	administrator.permitDiscovery()
	binary, pod := inPod(t, l)
	env := slices.Concat(environment(l.FullEnv(), "EXPORTER_WORKLOADS=true", "EXPORTER_WORKLOADS_INTERVAL=10s", "EXPORTER_WORKLOADS_REHEARSAL=20s"), pod.Env)
	exporter := serveAs(t, binary, env)
	metrics := exporter.address("")
	counts := func(ready, broken string) func() bool {
		return func() bool {
			e := scrape(t, metrics)
			return e.sample("workload_logins", "state", "ready") == ready && e.sample("workload_logins", "state", "broken") == broken
		}
	}
	eventually(t, time.Minute, "every login to be rehearsed", counts("5", "1"), exporter.out.String)
	e := scrape(t, metrics)
	if role, reason := e.label("workload_login_broken_info", "role"), e.label("workload_login_broken_info", "reason"); role != "gone" || reason != "role_missing" {
		t.Errorf("the broken login has the role %s, for the reason %s", role, reason)
	}
	var served workloadsReport
	if status, body := get(metrics, "/api/v1/workloads"); status != http.StatusOK || json.Unmarshal([]byte(body), &served) != nil {
		t.Errorf("the API responds with %d: %s", status, body)
	}
	if broken := wantVerdicts(t, served, logins); broken != 1 {
		t.Errorf("the API has %d broken logins, want 1", broken)
	}
	if _, page := get(metrics, "/workloads?state=broken"); !strings.Contains(page, "role_missing") || !strings.Contains(page, "<b>gone</b>") || strings.Contains(page, "<b>by-name</b>") {
		t.Errorf("the page does not show the broken login alone:\n%s", page)
	}
	if e.sample("workload_discovery_success", "source", "serviceaccounts") != "1" {
		t.Error("the source serviceaccounts was not read")
	}
	administrator.mustRun(address, "vault delete auth/kubernetes/role/by-name")
	elapsed := eventually(t, 2*time.Minute, "the deleted role to be reported", counts("4", "2"), exporter.out.String)
	t.Logf("a deleted role was reported after %s", elapsed)
	if code, _ := exporter.terminate(); code != 0 {
		t.Errorf("the exporter exits with %d", code)
	}
}

// rehearsalsIn counts the logins in Vault's audit log.
func rehearsalsIn(t *testing.T, log string) int {
	t.Helper()
	return linesWith(t, log, `"type":"request"`, `"path":"auth/kubernetes/login"`)
}

// reviewsIn counts the TokenReviews that Vault, not the exporter, requested.
func reviewsIn(t *testing.T, log string) int {
	t.Helper()
	all := linesWith(t, log, `"resource":"tokenreviews"`)
	return all - linesWith(t, log, `"resource":"tokenreviews"`, `"userAgent":"vault-k8s-auth-exporter/`)
}

// linesWith counts the lines of a file that have all these words.
func linesWith(t *testing.T, path string, words ...string) int {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(content)) {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
			n++
		}
	}
	return n
}

func accessorsOf(t *testing.T, l *lab.Lab) int {
	t.Helper()
	n, err := l.Accessors(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// wantVerdicts requires the verdicts of these logins, and returns how many are broken.
func wantVerdicts(t *testing.T, report workloadsReport, logins []workloadLogin) (broken int) {
	t.Helper()
	if len(report.Logins) != len(logins) {
		t.Errorf("%d logins are reported, want %d", len(report.Logins), len(logins))
	}
	for _, one := range report.Logins {
		i := slices.IndexFunc(logins, func(l workloadLogin) bool {
			return l.namespace == one.Namespace && l.account == one.ServiceAccount && l.role == one.Role && l.audience == strings.Join(one.Audiences, ",")
		})
		if i < 0 {
			t.Errorf("nobody logs in with %s as %s/%s", one.Role, one.Namespace, one.ServiceAccount)
			continue
		}
		if one.Reason != logins[i].reason || (one.State == "ready") != (logins[i].reason == "") {
			t.Errorf("%+v is %s, %s: %s", logins[i], one.State, one.Reason, one.Detail)
		}
		if one.State == "broken" {
			broken++
		}
	}
	return broken
}

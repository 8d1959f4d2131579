package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

func entryOf(namespace, account, mount, role string) workload.Entry {
	return workload.Entry{
		Login:   workload.Login{Mount: mount, Role: role, ServiceAccount: evidence.ServiceAccount{Namespace: namespace, Name: account}},
		Objects: []workload.Object{{Kind: "Deployment", Namespace: namespace, Name: account, Pods: 3}},
	}
}

// shop is a cluster with a ready login, a broken one and one at a mount that no target watches.
func shop(context.Context) workload.Inventory {
	return workload.Inventory{
		At: time.Now(),
		Entries: []workload.Entry{
			entryOf("pay", "api", "kubernetes", "=gone"), entryOf("shop", "web", "kubernetes", "web"), entryOf("shop", "web", "other", "web"),
		},
		Sources: []workload.Source{{Name: "pods", State: workload.SourceRead}, {Name: "issuers.cert-manager.io", State: workload.SourceNotInstalled},
			{Name: "serviceaccounts", State: workload.SourceForbidden, Error: "no"}},
		Skipped: []workload.Skipped{{Object: workload.Object{Kind: "Pod", Namespace: "shop", Name: "cron"}, Why: "it names no role"}},
	}
}

// rehearseShop runs workloads in a world with the role web.
func rehearseShop(t *testing.T, f workloadFlags, change func(*probetest.World)) (code int, stdout, stderr string) {
	t.Helper()
	w := probetest.NewWorld(t)
	w.Complete()
	w.Mount(func(m *probetest.Mount) {
		m.Roles["web"] = probetest.Role{Names: []string{"web"}, Namespaces: []string{"shop"}}
	})
	if change != nil {
		change(w)
	}
	var out, errors bytes.Buffer
	code = workloadsOf(t.Context(), f, config.Config{Targets: []evidence.Target{w.Target}}, shop, &out, &errors)
	return code, strings.ReplaceAll(out.String(), w.Target.Vault.Addr, "https://vault.example:8200"), errors.String()
}

const shopText = `3 logins, 1 broken, 1 not rehearsed, 1 ready

STATE          ROLE   SERVICE ACCOUNT  MOUNT            TARGET   PODS  FROM                 REASON
broken         =gone  pay/api          auth/kubernetes  default  3     Deployment pay/api   role_missing
not_rehearsed  web    shop/web         auth/other       -        3     Deployment shop/web  -
ready          web    shop/web         auth/kubernetes  default  3     Deployment shop/web  -

=gone as pay/api at default: broken, role_missing
  from   Deployment pay/api
  why    Vault rejects logins at auth/kubernetes/login with the role =gone as
         system:serviceaccount:pay:api: invalid role name "=gone"
  note   If the role was deleted, restore it with what wrote it: it had policies. The fix writes
         none, add token_policies. If it is mistyped, correct the object that names it.
  check  export VAULT_ADDR=https://vault.example:8200
         vault list auth/kubernetes/role
         # shows no '<role>'
  fix    export VAULT_ADDR=https://vault.example:8200
         vault write 'auth/kubernetes/role/<role>' bound_service_account_names='api' bound_service_account_namespaces='pay' audience='https://kubernetes.default.svc'
  see    https://github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/blob/main/docs/reasons.md#role_missing

No target watches auth/other, which has 1 login.
One for the targets file; exporter setup prints the role of its canary:
  - name: "other"
    vault_mount: "other"

serviceaccounts could not be read (forbidden): no

Not installed: issuers.cert-manager.io

1 object without a login that can be rehearsed:
  Pod shop/cron: it names no role

3 logins, 1 broken, 1 not rehearsed, 1 ready
`

func TestWorkloadsText(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := rehearseShop(t, workloadFlags{}, nil)
	if code != exitUnhealthy || stdout != shopText || stderr != "" {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

func TestWorkloadsData(t *testing.T) {
	t.Parallel()
	for format, test := range map[string]func(string) error{
		"json": func(text string) error { return json.Unmarshal([]byte(text), &status.Workloads{}) },
		"junit": func(text string) error {
			var suite junitSuite
			err := xml.Unmarshal([]byte(text), &suite)
			if suite.Tests != 3 || suite.Failures != 1 || suite.Errors != 1 {
				t.Errorf("junit: %+v", suite)
			}
			return err
		},
		"csv": func(text string) error {
			rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
			if len(rows) != 4 || !slices.Equal(rows[1][:8], []string{"broken", "role_missing", "default", "", "kubernetes", "'=gone", "pay", "api"}) {
				t.Errorf("csv: %v", rows)
			}
			return err
		},
	} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := rehearseShop(t, workloadFlags{output: format}, nil)
			if err := test(stdout); err != nil || code != exitUnhealthy || stderr != "" {
				t.Errorf("%v, exit code %d\n%s%s", err, code, stdout, stderr)
			}
		})
	}
}

func TestWorkloadsExitCodes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		flags  workloadFlags
		change func(*probetest.World)
		code   int
		says   string
	}{
		"ready":                     {workloadFlags{namespaces: []string{"sho*"}}, nil, exitOK, "2 logins, 1 not rehearsed, 1 ready"},
		"only a target":             {workloadFlags{targets: []string{"default"}, namespaces: []string{"shop"}}, nil, exitOK, "1 login, 1 ready"},
		"printed is what is ready":  {workloadFlags{states: []string{"ready"}}, nil, exitUnhealthy, "1 login, 1 ready"},
		"at a target, all of them":  {workloadFlags{at: "default", namespaces: []string{"shop"}}, nil, exitOK, "2 logins, 2 ready"},
		"the canary fails":          {workloadFlags{namespaces: []string{"shop"}}, func(w *probetest.World) { w.Vault.Change(func(v *probetest.Vault) { v.Sealed = true }) }, exitUnhealthy, "2 logins, 2 not rehearsed"},
		"an unknown target":         {workloadFlags{targets: []string{"none"}}, nil, exitUsage, `--target "none" is not configured`},
		"an unknown target to move": {workloadFlags{at: "none"}, nil, exitUsage, `--at "none" is not configured`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := rehearseShop(t, test.flags, test.change)
			if code != test.code || !strings.Contains(strings.Join(strings.Fields(stdout+stderr), " "), test.says) {
				t.Errorf("exit code %d, want %d\n%s%s", code, test.code, stdout, stderr)
			}
		})
	}
}

// What is read of some namespaces is rehearsed, and the others are named.
func TestWorkloadsOfSomeNamespaces(t *testing.T) {
	t.Parallel()
	read := func(context.Context) workload.Inventory {
		return workload.Inventory{Sources: []workload.Source{{Name: "pods", State: workload.SourcePartial, Error: "may not list pods in shop"}}}
	}
	var stdout, stderr bytes.Buffer
	code := workloadsOf(t.Context(), workloadFlags{output: "text"}, config.Config{}, read, &stdout, &stderr)
	if want := "pods could not be read in every namespace: may not list pods in shop"; code != exitOK || !strings.Contains(stdout.String(), want) {
		t.Errorf("exit code %d: %s%s", code, stdout.String(), stderr.String())
	}
}

// Nobody is told that all is well because nothing could be read.
func TestWorkloadsOfNothingFail(t *testing.T) {
	t.Parallel()
	read := func(context.Context) workload.Inventory {
		return workload.Inventory{Sources: []workload.Source{{Name: "pods", State: workload.SourceForbidden, Error: "may not list"}, {Name: "x", State: workload.SourceNotInstalled}}}
	}
	var stdout, stderr bytes.Buffer
	code := workloadsOf(t.Context(), workloadFlags{}, config.Config{}, read, &stdout, &stderr)
	if want := "exporter: reading who logs in: pods: may not list\n"; code != exitUnhealthy || stderr.String() != want {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}

// What could not be read for one cause is one line.
func TestWorkloadsOfAClusterThatIsNotReached(t *testing.T) {
	t.Parallel()
	read := func(context.Context) workload.Inventory {
		var all []workload.Source
		for _, name := range []string{"pods", "jobs.batch", "issuers.cert-manager.io", "serviceaccounts"} {
			all = append(all, workload.Source{Name: name, State: workload.SourceFailed, Error: "connection refused"})
		}
		all[2].Error = "may not list"
		return workload.Inventory{Sources: all}
	}
	var stdout, stderr bytes.Buffer
	code := workloadsOf(t.Context(), workloadFlags{}, config.Config{}, read, &stdout, &stderr)
	const want = "exporter: reading who logs in: pods, jobs.batch and 1 more: connection refused\n" +
		"exporter: reading who logs in: issuers.cert-manager.io: may not list\n"
	if code != exitUnhealthy || stderr.String() != want {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}

// A kubeconfig that is not there is a mistake of usage: nothing is asked.
func TestWorkloadsWithoutAKubeconfig(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	there := w.File("kubeconfig", "{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: c}}], clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]}")
	const none = "/no/such/kubeconfig"
	for name, test := range map[string]struct {
		kubeconfig string // KUBECONFIG
		args       []string
		want       string
	}{
		"none":               {none, nil, "there is no kubeconfig at " + none},
		"a file that is not": {there, []string{"--kubeconfig", none}, "reading the kubeconfig " + none + ": stat " + none + ": no such file or directory"},
		"an unknown context": {there, []string{"--context", "other"}, "reading the kubeconfig " + there + `: context "other" does not exist`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KUBECONFIG", test.kubeconfig)
			t.Setenv("KUBERNETES_SERVICE_HOST", "")
			var stdout, stderr transcript
			code := run(t.Context(), append([]string{"workloads"}, test.args...), &stdout, &stderr)
			if want := "exporter: " + test.want + "; allowed: the path of a kubeconfig in --kubeconfig or KUBECONFIG, and one of its contexts in --context\n"; code != exitUsage || stderr.String() != want || stdout.String() != "" {
				t.Errorf("exit code %d:\n%s%swant\n%s", code, &stdout, &stderr, want)
			}
		})
	}
}

func TestNamesAreNotInterpreted(t *testing.T) {
	r := rehearse.Result{Entry: entryOf("shop\x1b[2J", "web\n", "m", "r\x07"), Verdict: diagnose.WorkloadVerdict{State: diagnose.WorkloadUnknown}}
	var out bytes.Buffer
	writeWorkload(&out, layout{}, r)
	report := workloadReport{results: []rehearse.Result{r}}
	report.writeTable(&out)
	if strings.ContainsAny(out.String(), "\x1b\x07") || strings.Contains(out.String(), "web\n") {
		t.Errorf("%q", out.String())
	}
}

// A cluster has thousands of logins: what a pattern costs does not depend on how many.
func TestNamespacePatternsAreCompiledOnce(t *testing.T) {
	entries := slices.Repeat([]workload.Entry{entryOf("shop", "web", "kubernetes", "web"), entryOf("pay", "api", "kubernetes", "api")}, 500)
	patterns := []string{"none-*", "sh?p"}
	if n := len(inNamespaces(entries, patterns)); n != 500 {
		t.Errorf("%d logins match", n)
	}
	if allocations := testing.AllocsPerRun(10, func() { inNamespaces(entries, patterns) }); allocations > 500 {
		t.Errorf("%.0f allocations for 1000 logins", allocations)
	}
}

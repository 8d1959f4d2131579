package browser

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/docs"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

// withWorkloads serves a target with 40 workload logins in four namespaces, of which ten are broken.
func withWorkloads(t *testing.T) string {
	var results []rehearse.Result
	for i := range 40 {
		name := fmt.Sprintf("checkout-service-with-a-long-name-%02d", i)
		r := rehearse.Result{Target: "prod/eu-1", At: time.Now(), Verdict: diagnose.WorkloadVerdict{State: diagnose.WorkloadReady, Detail: "the role admits it"}}
		r.Login = workload.Login{Mount: "kubernetes", Role: name, ServiceAccount: evidence.ServiceAccount{Namespace: fmt.Sprintf("team-%d", i%4), Name: name}}
		r.Objects = []workload.Object{{Kind: "Deployment", Namespace: r.ServiceAccount.Namespace, Name: name, Pods: 3}}
		if i < 10 {
			r.Verdict = diagnose.WorkloadVerdict{State: diagnose.WorkloadBroken, Reason: diagnose.RoleMissing, Detail: "Vault rejects it: invalid role name",
				Advice: diagnose.Advice{Fix: []string{"vault write auth/kubernetes/role/" + name + " bound_service_account_names=" + name}}}
		}
		results = append(results, r)
	}
	inventory := workload.Inventory{At: time.Now(), Sources: []workload.Source{{Name: "vaultstaticsecrets.secrets.hashicorp.com", State: workload.SourceForbidden, Error: "cannot list resource"}}}
	return serveWorkloads(t, inventory, results)
}

// serveWorkloads serves these logins and a target that fails.
func serveWorkloads(t *testing.T, inventory workload.Inventory, results []rehearse.Result) string {
	page := status.New(status.Options{
		TargetStates: func() []probe.TargetState { return []probe.TargetState{withHistory("prod/eu-1", 0, sealed)} },
		Workloads:    func() (workload.Inventory, []rehearse.Result) { return inventory, results },
		Reasons:      docs.Reasons, Warnings: docs.Warnings, Version: "1.2.3",
	})
	server := httptest.NewServer(page)
	t.Cleanup(func() {
		page.Close()
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// shopLogins are the logins of a shop: three are broken, one is at a Vault that no target has.
func shopLogins() (workload.Inventory, []rehearse.Result) {
	target := evidence.Target{Name: "production", Vault: evidence.Vault{Addr: "https://vault.vault.svc:8200", Mount: "kubernetes"}}
	refused := func(status int, text string) evidence.Fact[evidence.Refusal] {
		return evidence.Fact[evidence.Refusal]{State: evidence.Answered, Value: evidence.Refusal{Status: status, Text: text}}
	}
	expired, bare := refused(403, "invalid expiration time (exp) claim: token is expired"), refused(403, "permission denied")
	var results []rehearse.Result
	for _, one := range []struct {
		namespace, account, role, kind string
		pods                           int
		answer, second                 evidence.Fact[evidence.Refusal]
	}{
		{"checkout", "checkout", "checkout", "Deployment", 6, expired, refused(403, "service account name not authorized")},
		{"payments", "refunds", "refunds", "CronJob", 0, refused(400, `invalid role name "refunds"`), evidence.Fact[evidence.Refusal]{}},
		{"search", "indexer", "search", "StatefulSet", 3, expired, refused(403, "namespace not authorized")},
		{"catalog", "catalog", "catalog", "Deployment", 4, expired, bare},
		{"payments", "ledger", "ledger", "StatefulSet", 3, expired, bare},
		{"payments", "reports", "reports", "Deployment", 0, expired, bare},
	} {
		account := evidence.ServiceAccount{Namespace: one.namespace, Name: one.account}
		r := rehearse.Result{Target: target.Name, At: time.Now().Add(-9 * time.Minute)}
		r.Login = workload.Login{Mount: "kubernetes", Role: one.role, ServiceAccount: account}
		r.Objects = []workload.Object{{Kind: one.kind, Namespace: one.namespace, Name: one.account, Pods: one.pods}}
		r.Verdict = diagnose.JudgeRehearsal(target, evidence.Rehearsal{
			Login: evidence.WorkloadLogin{Role: one.role, ServiceAccount: account}, Expired: one.answer, Unexpired: one.second,
		})
		results = append(results, r)
	}
	elsewhere := workload.Entry{
		Login: workload.Login{
			Address: "https://vault.example.com", Mount: "kubernetes", Role: "tls", ServiceAccount: evidence.ServiceAccount{Namespace: "cert-manager", Name: "issuer"},
		},
		Objects: []workload.Object{{Kind: "ClusterIssuer", Name: "internal"}},
	}
	for _, a := range rehearse.Assign([]workload.Entry{elsewhere}, []evidence.Target{target}) {
		results = append(results, rehearse.Result{Entry: a.Entry, Elsewhere: a.Elsewhere, Verdict: diagnose.WorkloadVerdict{
			State: diagnose.WorkloadNotRehearsed, Detail: "no target watches this mount at " + a.Address,
		}})
	}
	rehearse.Sort(results)
	inventory := workload.Inventory{At: time.Now().Add(-2 * time.Minute), Sources: []workload.Source{
		{Name: "pods", State: workload.SourceRead}, {Name: "vaultauths.secrets.hashicorp.com", State: workload.SourceNotInstalled},
	}}
	return inventory, results
}

func TestWorkloads(t *testing.T) {
	url := withWorkloads(t)
	for name, l := range map[string]look{"light": desktop, "dark": {width: 1100, dark: true}, "phone": {width: 320}} {
		t.Run(name, func(t *testing.T) { // which closes its tabs: a browser has six connections to one server
			for _, path := range []string{"/", "/workloads"} {
				accessible(t, url+path, l)
				if wide := eval[int64](t, open(t, url+path, l), `document.documentElement.scrollWidth`); wide > l.width {
					t.Errorf("%s is %d pixels wide on a screen of %d", path, wide, l.width)
				}
			}
		})
	}
	tab := open(t, url+"/workloads", desktop)
	do(t, tab, chromedp.Evaluate[chromedp.Void](`(() => { const n = document.getElementById("namespace"); n.value = "team-1"; n.dispatchEvent(new Event("change", { bubbles: true })); })()`))
	eventually(t, tab, `location.search === "?namespace=team-1" && document.querySelectorAll(".login").length === 10`)
	if shown := eval[string](t, tab, text); !strings.Contains(shown, "3 broken") || !strings.Contains(shown, "cannot list resource") {
		t.Errorf("the filtered page:\n%s", shown)
	}
}

func TestWorkloadsSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("../../../docs/status.schema.json#/$defs/workloads")
	if err != nil {
		t.Fatal(err)
	}
	_, _, body := get(t, withWorkloads(t)+"/api/v1/workloads")
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Error(err)
	}
}

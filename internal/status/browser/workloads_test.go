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
	page := status.New(status.Options{
		TargetStates: func() []probe.TargetState { return []probe.TargetState{withHistory("prod/eu-1", 0, sealed)} },
		Workloads:    func() (workload.Inventory, []rehearse.Result) { return inventory, results },
		Runbook:      docs.Reasons, Version: "1.2.3",
	})
	server := httptest.NewServer(page)
	t.Cleanup(func() {
		page.Close()
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
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

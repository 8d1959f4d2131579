package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/discover"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

// The objects of the cluster, the refusals of the API server and Vault's answers to rehearsals hold a secret, in every
// form; nothing that is put out about workloads may. As in TestNothingLeaks, the cases share the forms.
func TestNothingLeaksOfWorkloads(t *testing.T) {
	t.Parallel()
	for i, secret := range secrets {
		if secret.name == "an opaque reviewer's token" || secret.name == "the proxy's password" { // a rehearsal uses neither
			continue
		}
		for _, servers := range []struct {
			name  string
			speak func(*probetest.World, func() string)
		}{{"refuse", refuseWith}, {"answer", answerWith}, {"list", listWith}} {
			if secret.returned && servers.name != "answer" {
				continue
			}
			t.Run(secret.name+", servers "+servers.name, func(t *testing.T) {
				t.Parallel()
				w := probetest.NewWorld(t)
				w.Complete()
				w.Target.Vault.TokenFile = "" // with it, each rehearsal takes another second
				value := secret.value(w)
				traces := probetest.Traces(value)
				var echo string
				servers.speak(w, func() string { return echo })
				if servers.name == "refuse" && secret.name != "the exporter's own token" { // the API server is sent no other one with a list
					w.OnKubernetes("", probetest.Status(403, "Forbidden", "forbidden"))
				}
				for j, form := range probetest.Forms() {
					if !*everyForm && j%len(secrets) != i {
						continue
					}
					echo = form.Encode(value)
					for name, text := range workloadOutputs(t, w) {
						if found := traces(text); found != "" {
							t.Errorf("%s, in %s: %q", form.Name, name, found)
						}
					}
				}
			})
		}
	}
}

// listWith has the API server list pods and accounts that hold this text wherever they may hold one, and Vault reject the logins.
// What names a login holds it only in a form that Kubernetes and Vault would take.
func listWith(w *probetest.World, text func() string) {
	list := func(items ...string) http.HandlerFunc {
		return probetest.JSON(200, `{"kind":"List","metadata":{},"items":[`+strings.Join(items, ",")+`]}`)
	}
	w.OnKubernetes("pods", func(rw http.ResponseWriter, r *http.Request) {
		list(podHolding("web", text()), podHolding(probetest.Forms()[0].Encode(w.Canary.String()), text()))(rw, r)
	})
	w.OnKubernetes("serviceaccounts", func(rw http.ResponseWriter, r *http.Request) {
		list(fmt.Sprintf(`{"metadata":{"namespace":"shop","name":"web","annotations":{"token":%[1]s,"vault-k8s-auth-exporter/logins":%[2]s}},"secrets":[{"name":%[1]s}]}`,
			inJSON(text()), inJSON("kubernetes/web?"+text())))(rw, r)
	})
	w.OnLogin(func(rw http.ResponseWriter, r *http.Request) {
		probetest.JSON(400, `{"errors":[`+inJSON(`invalid role name "`+text()+`"`)+`]}`)(rw, r)
	})
}

// podHolding is an injected pod that holds a text in everything that does not name its login.
func podHolding(role, text string) string {
	return fmt.Sprintf(`{"metadata":{"namespace":"shop","name":"web","labels":{"app":%[1]s},"annotations":{"vault.hashicorp.com/agent-inject":"true","vault.hashicorp.com/role":%[2]s,
		"vault.hashicorp.com/agent-inject-secret-db":%[1]s,"vault.hashicorp.com/service":%[3]s,"note":%[1]s}},
		"spec":{"serviceAccountName":"web","volumes":[{"name":"v","csi":{"driver":"none","volumeAttributes":{"token":%[1]s}}}],
		"containers":[{"name":"app","command":[%[1]s],"args":[%[1]s],"env":[{"name":"VAULT_TOKEN","value":%[1]s},{"name":"PASSWORD","value":%[1]s}]}]},
		"status":{"phase":"Running","message":%[1]s}}`, inJSON(text), inJSON(role), inJSON("https://user:secret@vault.example:8200?x="+text))
}

// workloadOutputs discovers, rehearses once, and returns all that is put out about workloads.
func workloadOutputs(t *testing.T, w *probetest.World) map[string]string {
	t.Helper()
	var logs strings.Builder
	logger := slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	found := discover.InCluster(w.Target.Kubernetes, "test").Read(t.Context())
	logInventory(logger, found, nil)
	recorder := metrics.New(nil)
	prober := probe.NewProber("test", recorder.CountToken)
	entries := slices.Clone(found.Entries)
	if len(entries) == 0 {
		entries = append(entries, entryOf("shop", "web", "kubernetes", "web")) // of a list that was read before
	}
	for i := range entries {
		entries[i].Address = "" // the target's
	}
	canary := probe.Result{Target: w.Target, Diagnosis: diagnose.Diagnosis{Verdict: diagnose.Verdict{Reason: diagnose.None}}}
	open := func(at evidence.Target) (rehearse.Session, error) { return prober.Rehearser(at) }
	results := rehearse.Once(t.Context(), rehearse.Assign(entries, []evidence.Target{w.Target}), map[string]probe.Result{w.Target.Name: canary}, open, func() {})
	prober.Wait()
	for _, r := range results {
		logWorkload(logger, rehearse.Result{}, r)
	}
	if results[0].At.IsZero() {
		t.Fatalf("it was not rehearsed: %+v", results[0])
	}
	snapshot := func() (workload.Inventory, []rehearse.Result) { return found, results }
	recorder.Workloads(snapshot)
	page := status.New(status.Options{Workloads: snapshot})
	defer page.Close()
	outputs := map[string]string{"the log": logs.String(), "%+v": fmt.Sprintf("%+v %+v", found, results)}
	for name, handler := range map[string]http.Handler{"/workloads": page, "/api/v1/workloads": page, "/metrics": recorder.Handler()} {
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, httptest.NewRequest(http.MethodGet, name, nil))
		outputs[name] = response.Body.String()
	}
	report := workloadReport{inventory: found, results: results}
	for _, format := range []string{"text", "json", "csv", "junit"} {
		var out strings.Builder
		if err := report.write(format, io.Writer(&out)); err != nil {
			t.Error(err)
		}
		outputs["the report as "+format] = out.String()
	}
	for name, text := range outputs {
		if name != "/metrics" && !strings.Contains(text, "web") || name == "/metrics" && !strings.Contains(text, "workload_logins{") {
			t.Fatalf("%s says nothing of the login:\n%s", name, text)
		}
	}
	return outputs
}

package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

// readable returns what readers of the page get from an exporter: every documented GET but
// the stream of events, whose data is a part of the status.
func readable(t *testing.T, e *exporter) map[string]string {
	t.Helper()
	pages, routes := map[string]string{}, e.publicHandler()
	for _, route := range documented(t) {
		method, path, _ := strings.Cut(route, " ")
		if method != http.MethodGet || path == "/api/v1/events" {
			continue
		}
		path = strings.NewReplacer("{target}", "default", "{reason}", "role_missing?target=default").Replace(path)
		recorder := httptest.NewRecorder()
		routes.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		if recorder.Code == http.StatusNotFound && strings.HasSuffix(path, "/workloads") {
			continue // they are off
		}
		if recorder.Code != http.StatusOK && path != "/-/ready" {
			t.Fatalf("%s = %d", path, recorder.Code)
		}
		pages[path] = recorder.Body.String()
	}
	return pages
}

// learned are the kinds of facts that docs/security.md lists, each with an example in the
// world of the test.
func learned(w *probetest.World) map[string]string {
	return map[string]string{
		"addresses":        w.Target.Vault.Addr,
		"mounts, roles":    "auth/kubernetes",
		"labels":           "payments",
		"service accounts": "system:serviceaccount:vault:vault-auth",
		"what the API server says of the reviewer's permissions": "listed-binding",
		"version":                             "1.21.4-listed",
		"configuration of the mount":          "https://listed-host.example",
		"paths of files":                      w.Target.Reviewer.TokenFile,
		"the text of a server's error":        "listed-error",
		"the subjects of certificates":        "CN=server",
		"when tokens and certificates expire": "expires 20",
		"the objects that name a login":       "Deployment shop/web",
	}
}

// Readers of the page learn what docs/security.md lists. Of all else that servers, files and
// the environment hold they see nothing.
func TestWhatReadersLearn(t *testing.T) {
	t.Setenv("UNLISTED", "unlisted-variable")
	w := probetest.NewWorld(t)
	w.Complete()
	w.Target.Labels = map[string]string{"team": "payments"}
	for _, file := range []string{w.Target.Vault.CACert, w.Target.Kubernetes.CACert} { // PEM files may have comments
		if err := os.WriteFile(file, []byte("unlisted-comment\n"+content(file)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	answerMore(w)
	e := newTestExporter(t, w, site{page: true}, slog.New(slog.DiscardHandler))
	run := e.job(w.Target).Run
	all := ""
	look := func(when string) {
		run(t.Context())
		e.prober.Wait()
		for path, text := range readable(t, e) {
			for _, secret := range append(w.Credentials(), "unlisted", issuedToken, accessor) {
				if at := strings.Index(text, secret); at >= 0 {
					t.Errorf("%s shows %.300s while logins %s", path, text[max(0, at-100):], when)
				}
			}
			all += text
		}
	}
	look("work")
	w.OnVault("auth/kubernetes/login", probetest.JSON(400, `{"errors":["listed-error"],"unlisted":"unlisted"}`))
	look("fail")
	expired := probetest.Play(t, "vault_tls_expired", probetest.Extra{}, lab.Installation{})
	expired.Target = w.Target
	e.recorder.Record(&expired)
	for _, text := range readable(t, e) {
		all += text
	}
	for _, text := range readableWorkloads(t) {
		all += text
	}
	text, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	documentation := strings.Join(strings.Fields(string(text)), " ")
	for kind, example := range learned(w) {
		if !strings.Contains(documentation, kind) {
			t.Errorf("docs/security.md does not list %q", kind)
		}
		if !strings.Contains(all, example) {
			t.Errorf("readers do not learn %q, such as %s", kind, example)
		}
	}
}

// readableWorkloads returns what readers get of the workloads' logins.
func readableWorkloads(t *testing.T) map[string]string {
	t.Helper()
	inventory := shop(t.Context())
	var results []rehearse.Result
	for _, a := range rehearse.Assign(inventory.Entries, nil) {
		results = append(results, rehearse.Result{Entry: a.Entry, Verdict: diagnose.WorkloadVerdict{State: diagnose.WorkloadNotRehearsed}})
	}
	page := status.New(status.Options{Workloads: func() (workload.Inventory, []rehearse.Result) { return inventory, results }})
	t.Cleanup(page.Close)
	pages := map[string]string{}
	for _, path := range []string{"/workloads", "/api/v1/workloads"} {
		recorder := httptest.NewRecorder()
		page.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
		pages[path] = recorder.Body.String()
	}
	return pages
}

// answerMore has both servers answer with more than the exporter asks for.
func answerMore(w *probetest.World) {
	w.OnVault("sys/health", probetest.JSON(200, `{"initialized":true,"version":"1.21.4-listed","server_time_utc":1,"cluster_name":"unlisted","cluster_id":"unlisted","license":{"state":"unlisted"}}`))
	w.OnVault("auth/kubernetes/login", probetest.JSON(200, fmt.Sprintf(`{"request_id":"unlisted","auth":{"client_token":%q,"accessor":%q,"token_type":"service","lease_duration":60,
		"policies":["unlisted"],"token_policies":["unlisted"],"identity_policies":["unlisted"],"entity_id":"unlisted","metadata":{"service_account_uid":"unlisted"}}}`, issuedToken, accessor)))
	w.OnVault("auth/token/revoke-self", probetest.JSON(204, ""))
	w.OnVault("auth/kubernetes/config", probetest.JSON(200, `{"data":{"kubernetes_host":"https://listed-host.example","token_reviewer_jwt":"unlisted","kubernetes_ca_cert":"","pem_keys":[],"unlisted":"unlisted"}}`))
	w.OnVault("auth/kubernetes/role/canary", probetest.JSON(200, `{"data":{"audience":"vault","bound_service_account_names":["canary"],"bound_service_account_namespaces":["monitoring"],
		"token_policies":["unlisted"],"policies":["unlisted"],"token_bound_cidrs":[]}}`))
	w.OnKubernetes("tokenreviews", probetest.JSON(201, `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"unlisted"},"status":{"authenticated":true,"audiences":["vault"],
		"user":{"username":"system:serviceaccount:monitoring:canary","groups":["unlisted"],"extra":{"unlisted":["unlisted"]}}}}`))
	w.OnKubernetes("selfsubjectreviews", probetest.JSON(201, `{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview","status":{"userInfo":{"username":"system:serviceaccount:vault:vault-auth",
		"groups":["unlisted"],"extra":{"unlisted":["unlisted"]}}}}`))
	w.OnKubernetes("selfsubjectaccessreviews", probetest.JSON(201, `{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","metadata":{"annotations":{"unlisted":"unlisted"}},
		"status":{"allowed":true,"reason":"RBAC: allowed by listed-binding"}}`))
}

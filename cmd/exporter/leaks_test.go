package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

const (
	readerToken    = "hvs.CAESIJ0hTq8dWnYx3Lk2mVbQzR5sPfGc7oUe9aKi4DtXwZyBGh4KHGh2cy5BbHJ0"
	opaqueReviewer = "correct-horse-battery-staple-of-the-reviewer"
	proxyUser      = "exporter:pr0xy-Passw0rd!7"
	issuedToken    = "hvs.CAESIG7yRw2xZk9QpLs4vTn8mJ5bHd3fXcU6eAaWgPqKoYiSGh4KHGh2cy5tTWN1"
	accessor       = "MfF8oSbUpTqqQ5HLBWqzeXhy"
)

// secret is one that the exporter holds, or gets, in one run.
type secret struct {
	name  string
	value func(*probetest.World) string
	// returned is set where the exporter has it only after a login that works.
	returned bool
}

var secrets = []secret{
	{"the canary's token", func(w *probetest.World) string { return w.Canary.String() }, false},
	{"the reviewer's token", func(w *probetest.World) string { return w.Reviewer.String() }, false},
	{"an opaque reviewer's token", func(w *probetest.World) string {
		w.SetReviewerText(opaqueReviewer)
		w.Kubernetes.Change(func(k *probetest.Kubernetes) {
			k.Static[opaqueReviewer] = "system:serviceaccount:vault:vault-auth"
		})
		return opaqueReviewer
	}, false},
	{"the exporter's own token", func(w *probetest.World) string { return content(w.Target.Kubernetes.TokenFile) }, false},
	{"the reader's token", func(w *probetest.World) string {
		w.Target.Vault.TokenFile = w.File("vault-token", readerToken)
		return readerToken
	}, false},
	{"the token of the login", func(*probetest.World) string { return issuedToken }, true},
	{"its accessor", func(*probetest.World) string { return accessor }, true},
	{"the proxy's password", func(*probetest.World) string { return proxyUser }, false},
}

var everyForm = flag.Bool("every-form", false, "search for every credential in every form, which takes long")

// Every text of both servers holds a secret, in every form; no output may.
//
// Without -every-form each case plays an eighth of the forms, and all cases together play
// each form.
func TestNothingLeaks(t *testing.T) {
	t.Setenv("ALL_PROXY", "http://"+proxyUser+"@127.0.0.1:3128") // net/http does not use it, and would remember HTTPS_PROXY for other tests
	var outputs map[string]string
	played, cases := 0, 0
	for _, secret := range secrets {
		for _, servers := range []struct {
			name  string
			speak func(*probetest.World, func() string)
		}{{"refuse", refuseWith}, {"answer", answerWith}} {
			if secret.returned && servers.name == "refuse" {
				continue
			}
			cases++
			t.Run(secret.name+", servers "+servers.name, func(t *testing.T) {
				w := probetest.NewWorld(t)
				w.Complete()
				value := secret.value(w)
				traces := probetest.Traces(value)
				var echo string
				servers.speak(w, func() string { return echo })
				for i, form := range probetest.Forms() {
					if !*everyForm && i%8 != cases%8 {
						continue
					}
					played++
					echo = form.Encode(value)
					outputs = everyOutput(t, w)
					for name, text := range outputs {
						if found := traces(text); found != "" {
							t.Errorf("%s, in %s: %q", form.Name, name, found)
						}
					}
				}
			})
		}
	}
	t.Logf("%d runs: %d secrets in %d forms, from servers that refuse and that answer; each in %d outputs", played, len(secrets), len(probetest.Forms()), len(outputs))
}

func content(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// refuseWith has both servers refuse everything with this text.
func refuseWith(w *probetest.World, text func() string) {
	w.OnVault("", func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/sys/health") {
			probetest.JSON(200, fmt.Sprintf(`{"initialized":true,"version":%s,"server_time_utc":1}`, inJSON(text())))(rw, r)
			return
		}
		probetest.JSON(403, `{"errors":[`+inJSON("permission denied: "+text()+" is not known")+`]}`)(rw, r)
	})
	w.OnKubernetes("tokenreviews", func(rw http.ResponseWriter, r *http.Request) {
		probetest.JSON(201, `{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","status":{"error":`+inJSON("[invalid bearer token, "+text()+"]")+`}}`)(rw, r)
	})
	w.OnKubernetes("", func(rw http.ResponseWriter, r *http.Request) {
		probetest.Status(403, "Forbidden", `x is forbidden: User "`+text()+`" cannot `+text())(rw, r)
	})
}

// answerWith has both servers answer everything, with this text wherever one fits.
func answerWith(w *probetest.World, text func() string) {
	vault := map[string]func() string{
		"sys/health": func() string {
			return fmt.Sprintf(`{"initialized":true,"version":%s,"server_time_utc":1}`, inJSON(text()))
		},
		"auth/kubernetes/login": func() string {
			return fmt.Sprintf(`{"auth":{"client_token":%q,"accessor":%q,"token_type":"service","lease_duration":60},"warnings":[%s]}`, issuedToken, accessor, inJSON(text()))
		},
		"auth/kubernetes/config": func() string {
			return fmt.Sprintf(`{"data":{"kubernetes_host":%[1]s,"issuer":%[1]s,"kubernetes_ca_cert":%[1]s,"pem_keys":[%[1]s]}}`, inJSON(text()))
		},
		"auth/kubernetes/role/canary": func() string {
			return fmt.Sprintf(`{"data":{"audience":%[1]s,"token_bound_cidrs":[%[1]s]}}`, inJSON(text()))
		},
		"sys/internal/ui/mounts/auth/kubernetes": func() string { return fmt.Sprintf(`{"data":{"accessor":%s}}`, inJSON(text())) },
	}
	for path, body := range vault {
		w.OnVault(path, func(rw http.ResponseWriter, r *http.Request) { probetest.JSON(200, body())(rw, r) })
	}
	w.OnVault("auth/token/revoke-self", func(rw http.ResponseWriter, r *http.Request) {
		probetest.JSON(403, `{"errors":[`+inJSON(text())+`]}`)(rw, r)
	})
	kubernetes := map[string]string{
		"tokenreviews":             `"authentication.k8s.io/v1","kind":"TokenReview","status":{"authenticated":true,"audiences":[%[1]s],"user":{"username":%[1]s,"uid":%[1]s}}`,
		"selfsubjectreviews":       `"authentication.k8s.io/v1","kind":"SelfSubjectReview","status":{"userInfo":{"username":%[1]s}}`,
		"selfsubjectaccessreviews": `"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","status":{"allowed":false,"reason":%[1]s,"evaluationError":%[1]s}`,
	}
	for resource, body := range kubernetes {
		w.OnKubernetes(resource, func(rw http.ResponseWriter, r *http.Request) {
			probetest.JSON(201, fmt.Sprintf(`{"apiVersion":`+body+`}`, inJSON(text())))(rw, r)
		})
	}
}

func inJSON(text string) string {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

// newTestExporter returns an exporter for the target of a world.
func newTestExporter(t *testing.T, w *probetest.World, at site, logger *slog.Logger) *exporter {
	t.Helper()
	e, err := newExporter(config.Config{Targets: []evidence.Target{w.Target}}, at, logger)
	if err != nil {
		t.Fatal(err)
	}
	e.takeOver()
	return e
}

// everyOutput makes a run as serve does and returns all that it puts out.
func everyOutput(t *testing.T, w *probetest.World) map[string]string {
	t.Helper()
	var logs strings.Builder
	debug := &slog.HandlerOptions{Level: slog.LevelDebug}
	logger := slog.New(slog.NewMultiHandler(slog.NewTextHandler(&logs, debug), slog.NewJSONHandler(&logs, debug)))
	e := newTestExporter(t, w, site{page: true}, logger)
	e.job(w.Target).Run(t.Context())
	e.prober.Wait()
	states := e.recorder.TargetStates()
	if len(states) != 1 || states[0].Latest == nil {
		t.Fatalf("there is no result: %+v", states)
	}
	result := *states[0].Latest
	outputs := map[string]string{
		"%+v": fmt.Sprintf("%+v", result), "%#v": fmt.Sprintf("%#v", result), "steps": fmt.Sprintf("%+v", result.Steps()), "the log": logs.String(),
		"errors": fmt.Sprint(result.Evidence.Login.Failure.Error(), result.Evidence.Review.Failure.Error(), result.Evidence.Revoke.Failure.Error()),
	}
	for name, write := range map[string]func(io.Writer, []probe.Result) error{
		"the report": textReport(status.Links{}, whatIsBroken), "the report of many targets": textReport(status.Links{}, everything), "the JSON report": status.Links{}.WriteReport,
		"the JUnit report": junitReport(status.Links{}), "the gauges": writeExposition(nil),
	} {
		var report strings.Builder
		if err := write(&report, []probe.Result{result}); err != nil {
			t.Error(err)
		}
		outputs[name] = report.String()
	}
	for path, text := range readable(t, e) {
		if !strings.HasPrefix(path, "/static/") && !strings.HasPrefix(path, "/docs/") { // the same for all
			outputs[path] = text
		}
	}
	if slices.Contains([]string{outputs["/metrics"], outputs["/targets/default"]}, "") {
		t.Fatal("an output is empty")
	}
	return outputs
}

package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// markedVariable is in the environment of the process, where it means nothing to the exporter.
const markedVariable = "hvs.CAESIPl4Nt3dV4r14bL3wH1chN0b0dYsH0u1dEv3rPr1ntKQd7zXm2YfT8bRcJ5wGhVu"

// everySecret returns each credential in the inputs of a process, and what finds it.
func everySecret(t *testing.T, w *probetest.World) (text string, leaked func(output string) string) {
	t.Helper()
	t.Setenv("ALL_PROXY", "http://"+proxyUser+"@127.0.0.1:3128")
	t.Setenv("VAULT_TOKEN", markedVariable)
	t.Setenv("UNRELATED", markedVariable)
	w.Complete()
	w.Target.Vault.TokenFile = w.File("vault-token", readerToken)
	secrets := []string{w.Canary.String(), w.Reviewer.String(), content(w.Target.Kubernetes.TokenFile), readerToken, proxyUser, markedVariable}
	var traces []func(string) string
	for _, s := range secrets {
		traces = append(traces, probetest.Traces(s))
	}
	return strings.Join(secrets, " "), func(output string) string {
		for i, trace := range traces {
			if found := trace(output); found != "" {
				return fmt.Sprintf("%q of %.16s…", found, secrets[i])
			}
		}
		return ""
	}
}

// misbehaving are answers that hold a text outside of a body in the server's own format, where
// TestNothingLeaks has it.
func misbehaving(text string) map[string]http.HandlerFunc {
	first, _, _ := strings.Cut(text, " ")
	escaped := url.QueryEscape(text)
	raw := func(answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			connection, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			defer connection.Close()
			_, _ = buffered.WriteString(answer)
			_ = buffered.Flush()
		}
	}
	return map[string]http.HandlerFunc{
		"status line":      raw("HTTP/1.1 500 " + text + "\r\nContent-Length: 0\r\n\r\n"),
		"no HTTP":          raw(text + "\r\n\r\n"),
		"malformed header": raw("HTTP/1.1 200 OK\r\n" + text + "\r\n\r\n"),
		"chunk":            raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n" + text + "\r\n"),
		"length":           raw("HTTP/1.1 200 OK\r\nContent-Length: " + first + "\r\n\r\n"),
		"unsolicited":      raw("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 " + text + "\r\n\r\n" + text),
		"headers": probetest.Answer(503, "text/html; charset="+first, "<html>"+text, "Server", text, "Retry-After", first, "Www-Authenticate", `Bearer realm="`+text+`"`,
			"Set-Cookie", "session="+first, "Warning", `299 - "`+text+`"`, "X-Vault-Token", first, "Proxy-Authenticate", "Basic "+first),
		"content type":        probetest.Answer(200, first+"/"+first, text),
		"redirect":            probetest.Redirect(307, "https://user:"+escaped+"@127.0.0.1:1/"+escaped+"?token="+escaped+"#"+escaped),
		"redirect to a host":  probetest.Redirect(307, "https://"+strings.ReplaceAll(first, "_", "-")+"/v1/auth/kubernetes/login"),
		"redirect to a port":  probetest.Redirect(307, "https://127.0.0.1:"+first+"/v1/auth/kubernetes/login"),
		"redirect to no URL":  probetest.Redirect(302, "%zz"+first),
		"redirect of a login": probetest.Redirect(307, "https://127.0.0.1:1/"+escaped+"/v1/auth/kubernetes/login"),
	}
}

// Credentials stand in headers, status lines, redirects and whatever is no HTTP; no report of check,
// no page and no line of the log at the level debug shows any.
func TestMisbehavingServersLeakNothing(t *testing.T) {
	w := probetest.NewWorldOver(t, probetest.HTTP1) // some handlers hijack their connections
	text, leaked := everySecret(t, w)
	setTarget(t, w.Target)
	t.Setenv("EXPORTER_VAULT_TOKEN_FILE", w.Target.Vault.TokenFile)
	t.Setenv("EXPORTER_KUBERNETES_TOKEN_FILE", w.Target.Kubernetes.TokenFile)
	for name, answer := range misbehaving(text) {
		for server, arrange := range map[string]func(http.HandlerFunc){
			"Vault": func(h http.HandlerFunc) { w.OnVault("", h) }, "API server": func(h http.HandlerFunc) { w.OnKubernetes("", h) },
		} {
			t.Run(server+", "+name, func(t *testing.T) {
				arrange(answer)
				defer arrange(nil)
				outputs := everyOutput(t, w)
				for _, format := range []string{"text", "json", "junit", "prometheus"} {
					var stdout, stderr transcript
					run(t.Context(), []string{"check", "--output=" + format, "--log.level=debug"}, &stdout, &stderr)
					outputs["check --output="+format], outputs["stderr of "+format] = stdout.String(), stderr.String()
				}
				for output, text := range outputs {
					if found := leaked(text); found != "" {
						t.Errorf("%s shows %s", output, found)
					}
				}
			})
		}
	}
}

// Names and errors in TLS are of a server's choosing too.
func TestCertificatesLeakNothing(t *testing.T) {
	w := probetest.NewWorld(t)
	_, leaked := everySecret(t, w)
	for _, secret := range []string{w.Canary.String(), readerToken} {
		w.ServeVaultNamed(secret)
		for output, text := range everyOutput(t, w) {
			if found := leaked(text); found != "" {
				t.Errorf("%s shows %s", output, found)
			}
		}
	}
}

// serve at the level debug, with profiles, shows no credential anywhere: not at startup, not in its
// answers, and not in what pprof has of it. Names of functions are all that a profile has of a heap;
// what pprof prints of goroutines and the command line is searched as well.
func TestServeLeaksNothing(t *testing.T) {
	w := probetest.NewWorld(t)
	text, leaked := everySecret(t, w)
	refuseWith(w, func() string { return text })
	setTarget(t, w.Target)
	t.Setenv("EXPORTER_VAULT_TOKEN_FILE", w.Target.Vault.TokenFile)
	t.Setenv("EXPORTER_KUBERNETES_TOKEN_FILE", w.Target.Kubernetes.TokenFile)
	s := startServing(t, "serve", "--log.level=debug", "--debug.listen-address=127.0.0.1:0")
	debug := s.address(debugAddress)
	events, err := net.Dial("tcp", s.metrics)
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	fmt.Fprint(events, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
	s.eventually("verdict", func() bool {
		_, body := s.get(s.metrics, "/metrics")
		return strings.Contains(body, "vault_k8s_auth_up{")
	})
	outputs := map[string]string{}
	for _, route := range documented(t) {
		if method, path, _ := strings.Cut(route, " "); method == http.MethodGet && path != "/api/v1/events" {
			path = strings.NewReplacer("{target}", "default", "{reason}", "unexplained?target=default").Replace(path)
			_, outputs[path] = s.get(s.metrics, path)
		}
	}
	for _, profile := range []string{"", "cmdline", "symbol", "goroutine?debug=2", "goroutine?debug=1", "heap?debug=1", "allocs?debug=1", "block?debug=1", "mutex?debug=1",
		"threadcreate?debug=1", "heap", "goroutine", "trace?seconds=0.1", "profile?seconds=1"} {
		code, body := s.get(debug, "/debug/pprof/"+profile)
		if code != http.StatusOK || body == "" {
			t.Errorf("/debug/pprof/%s = %d", profile, code)
		}
		outputs["/debug/pprof/"+profile] = body
	}
	s.end()
	stream, _ := bufio.NewReader(events).Peek(1 << 10)
	outputs["/api/v1/events"], outputs["the log"] = string(stream), s.out.String()
	if !strings.Contains(outputs["the log"], "level=DEBUG") || !strings.Contains(outputs["/api/v1/events"], "event: ") {
		t.Errorf("the log has no line at the level debug, or the stream no event:\n%s\n%s", outputs["the log"], outputs["/api/v1/events"])
	}
	for output, text := range outputs {
		if found := leaked(text); found != "" {
			t.Errorf("%s shows %s", output, found)
		}
	}
}

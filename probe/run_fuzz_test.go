package probe_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/gather"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// scripted are servers that answer each question with a text of its own, byte for byte. In it, § stands
// for the token of the canary.
type scripted struct {
	health, login, review, other string
	canary                       string
}

func (s scripted) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		request, err := http.ReadRequest(bufio.NewReader(server))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, request.Body)
		answer := s.other
		switch path := request.URL.Path; {
		case strings.HasSuffix(path, "/sys/health"):
			answer = s.health
		case strings.HasSuffix(path, "/login"):
			answer = s.login
		case strings.HasSuffix(path, "/tokenreviews"):
			answer = s.review
		}
		_, _ = io.WriteString(server, strings.ReplaceAll(answer, "§", s.canary))
	}()
	return client, nil
}

// FuzzRun checks whole runs against servers that answer with anything: none is healthy without a token,
// each token is revoked or counted, and no result shows a credential.
func FuzzRun(f *testing.F) {
	log.SetOutput(io.Discard)
	f.Cleanup(func() { log.SetOutput(os.Stderr) })
	const ok, created, forbidden = "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 201 Created\r\n\r\n", "HTTP/1.1 403 Forbidden\r\n\r\n"
	const token = "hvs." + probetest.Mark + "CAESIJ3kQ0pVbXc2T7wLr1kYdNfE6uAoGx3ZhJtBvIM9jzS4mHqGh4KHGh2cy5RWHBPaTFrNm"
	const issued = ok + `{"auth":{"client_token":"` + token + `","accessor":"a","token_type":"service","lease_duration":60}}`
	const healthy = ok + `{"initialized":true,"version":"1.21.4","server_time_utc":1764180000}`
	const reviewed = created + `{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","status":{"authenticated":true,"audiences":["vault"],"user":{"username":"system:serviceaccount:monitoring:canary","uid":"§"}}}`
	for _, answers := range [][4]string{
		{healthy, issued, reviewed, "HTTP/1.1 204 No Content\r\n\r\n"},
		{healthy, issued, reviewed, forbidden + `{"errors":["permission denied: §"]}`},
		{healthy, issued, reviewed, forbidden + `{"errors":["permission denied: ` + token[56:80] + `"]}`},
		{healthy, forbidden + `{"errors":["permission denied"]}`, reviewed, forbidden + `{"errors":["permission denied"]}`},
		{healthy, "HTTP/1.1 400 Bad Request\r\n\r\n" + `{"errors":["invalid role name \"§\""]}`, forbidden + `{"kind":"Status","message":"forbidden: User \"§\"","reason":"Forbidden","code":403}`, ""},
		{"", "", "", ""}, {ok + "{}", ok + "{}", ok + "{}", ok + "{}"},
		{healthy, "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.2:8200/v1/auth/kubernetes/login\r\n\r\n", reviewed, "§"},
		{"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 99999999999\r\n\r\n", issued[:60], created, "HTTP/1.1 100 Continue\r\n\r\n" + issued},
	} {
		f.Add(answers[0], answers[1], answers[2], answers[3])
	}
	target, credentials := scriptedTarget(f)
	f.Fuzz(func(t *testing.T, health, login, review, other string) {
		s := scripted{health, login, review, other, credentials[0]}
		var mu sync.Mutex // guards events
		var events []evidence.TokenEvent
		prober := probe.NewProber("test", func(_ string, event evidence.TokenEvent) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, event)
		}).Over(gather.Network{Dial: s.dial})
		result, _ := prober.Probe(t.Context(), target, probe.Memory{})
		prober.Wait()
		count := func(of evidence.TokenEvent) (n int) {
			for _, event := range events {
				if event == of {
					n++
				}
			}
			return n
		}
		if result.Healthy() && count(evidence.IssuedService)+count(evidence.IssuedBatch) == 0 {
			t.Errorf("the run is healthy, with the events %q", events)
		}
		if count(evidence.IssuedService) != count(evidence.Revoked)+count(evidence.RevokeFailed) {
			t.Errorf("not every token is revoked: %q", events)
		}
		if d := result.Diagnosis; !slices.Contains(append(diagnose.Reasons(), diagnose.None), d.Reason) || d.Reason == diagnose.ExporterInternalError {
			t.Errorf("the verdict is %s: %s", d.Reason, d.Detail)
		}
		if result.Duration > target.LongestRun() {
			t.Errorf("the run took %v", result.Duration)
		}
		printed := fmt.Sprintf("%+v %v %s", result, result.Steps(), result.Evidence.Login.Failure.Error())
		known := slices.Clone(credentials)
		if count(evidence.IssuedService)+count(evidence.IssuedBatch) > 0 && strings.Contains(login, token) {
			known = append(known, token) // else a server that writes it says a word of its own
		}
		for _, credential := range known {
			if strings.Contains(printed, credential) || len(credential) > 80 && strings.Contains(printed, credential[60:76]) {
				t.Errorf("the result holds %.20s…: %s", credential, printed)
			}
		}
	})
}

// scriptedTarget returns a target without TLS, with everything optional, and its credentials.
func scriptedTarget(f *testing.F) (evidence.Target, []string) {
	f.Helper()
	w := probetest.NewWorld(f)
	w.Complete()
	target := w.Target
	target.Vault.Addr, target.Vault.CACert = "http://127.0.0.1:8200", ""
	target.Kubernetes.Host, target.Kubernetes.CACert = "http://127.0.0.1:6443", ""
	target.Timeout = 5 * time.Second
	credentials := []string{w.Canary.String(), w.Reviewer.String()}
	for _, file := range []string{target.Canary.TokenFile, target.Reviewer.TokenFile, target.Kubernetes.TokenFile, target.Vault.TokenFile} {
		content, err := os.ReadFile(filepath.Clean(file))
		if err != nil {
			f.Fatal(err)
		}
		credentials = append(credentials, string(content))
	}
	return target, credentials
}

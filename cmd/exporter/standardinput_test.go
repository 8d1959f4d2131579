package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// withInput makes standard input a pipe, as kubectl exec -i does, and returns its other end.
func withInput(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdin
	os.Stdin = r
	t.Cleanup(func() {
		os.Stdin = before
		_, _ = r.Close(), w.Close()
	})
	return w
}

// checkInput runs check with a candidate whose token or CA is on standard input.
func checkInput(t *testing.T, w *probetest.World, input string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	setTarget(t, w.Target)
	pipe := withInput(t)
	go func() { // more than a pipe holds waits for its reader
		_, _ = pipe.WriteString(input)
		_ = pipe.Close()
	}()
	var out, errors transcript
	code = run(t.Context(), append([]string{"check", "--candidate"}, args...), &out, &errors)
	credentials := w.Credentials()
	if len(input) > 8 && !strings.Contains(input, "CERTIFICATE") {
		credentials = append(credentials, strings.TrimSpace(input))
	}
	if leaks := probetest.Leaks(out.String()+errors.String(), credentials...); len(leaks) > 0 {
		t.Errorf("the output has a credential:\n%s%s", &out, &errors)
	}
	return code, strings.Join(strings.Fields(out.String()), " "), errors.String()
}

func TestCandidateOnStandardInput(t *testing.T) {
	const replace = "Replace <file> by the file that was given on standard input."
	pem := func(w *probetest.World) string {
		text, err := os.ReadFile(w.Target.Kubernetes.CACert)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	text := func(text string) func(*probetest.World) string { return func(*probetest.World) string { return text } }
	for name, test := range map[string]struct {
		args  []string
		input func(*probetest.World) string
		code  int
		wants []string
	}{
		"a token":           {[]string{"--reviewer-token-file=-"}, func(w *probetest.World) string { return w.Reviewer.String() + "\n" }, exitOK, []string{"good", "@mount-config.json token_reviewer_jwt=@<file>", replace}},
		"as a path":         {[]string{"--reviewer-token-file=/dev/stdin"}, func(w *probetest.World) string { return w.Reviewer.String() }, exitOK, []string{"good", replace}},
		"a CA":              {[]string{"--kubernetes-cacert=-"}, pem, exitOK, []string{"good", "kubernetes_ca_cert=@<file>", replace}},
		"another CA":        {[]string{"--kubernetes-cacert=-"}, func(w *probetest.World) string { return probetest.OtherCA(time.Now().Add(time.Hour)) }, exitUnhealthy, []string{"REFUSED, vault_to_kubernetes_tls"}},
		"no token":          {[]string{"--reviewer-token-file=-"}, text(""), exitUnhealthy, []string{"reviewer_token_missing", "reading standard input: it is empty", "Standard input must hold a token, and nothing else. kubectl exec passes it on with -i."}},
		"no CA":             {[]string{"--kubernetes-cacert=-"}, text("\n"), exitUnhealthy, []string{"exporter_ca_unreadable", "Standard input must hold certificates in PEM. kubectl exec passes it on with -i."}},
		"no JWT":            {[]string{"--reviewer-token-file=-"}, text("not-a-token"), exitUnhealthy, []string{"what standard input holds is not a JWT"}},
		"too long a token":  {[]string{"--reviewer-token-file=-"}, text(strings.Repeat("t", 70_000)), exitUnhealthy, []string{"reviewer_token_missing", "too long for a token"}},
		"more than allowed": {[]string{"--reviewer-token-file=-"}, text(strings.Repeat("t", maxInput+1)), exitUsage, nil},
		"a dash by itself":  {[]string{"--reviewer-token-file", "-"}, text("not-a-token"), exitUnhealthy, []string{"what standard input holds is not a JWT"}},
		"a dash, and more":  {[]string{"--kubernetes-host=https://127.0.0.1:1", "--kubernetes-cacert", "-"}, text("none"), exitUnhealthy, []string{"exporter_ca_unreadable"}},
		"a token as a CA":   {[]string{"--kubernetes-cacert=-"}, func(w *probetest.World) string { return w.Reviewer.String() }, exitUnhealthy, []string{"exporter_ca_unreadable", "no certificate in it"}},
		"JSON":              {[]string{"--reviewer-token-file=-", "--output=json"}, func(w *probetest.World) string { return w.Reviewer.String() }, exitOK, []string{`"healthy": true`, replace}},
		"JUnit":             {[]string{"--reviewer-token-file=-", "--output=junit"}, text("not-a-token"), exitUnhealthy, []string{`failures="1"`}},
	} {
		t.Run(name, func(t *testing.T) {
			w := probetest.NewWorld(t)
			code, stdout, stderr := checkInput(t, w, test.input(w), test.args...)
			if code != test.code || (stderr != "") != (code == exitUsage) {
				t.Errorf("exit code %d, want %d: %s", code, test.code, stderr)
			}
			for _, want := range test.wants {
				if !strings.Contains(stdout, want) {
					t.Errorf("the report lacks %q:\n%s", want, stdout)
				}
			}
			for _, never := range []string{"ls -lL", "describe pod", "source of its volume"} {
				if strings.Contains(stdout, never) {
					t.Errorf("the report has %q:\n%s", never, stdout)
				}
			}
		})
	}
}

// TestStandardInputIsNotRead checks that nobody waits for an input that no flag names: a pipeline
// may leave it open.
func TestStandardInputIsNotRead(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	withInput(t)
	var out transcript
	within(t, 10*time.Second, "check", func() { run(t.Context(), []string{"check"}, &out, &out) })
}

// TestInterruptedInput checks that an interruption ends the wait for an input that does not end.
func TestInterruptedInput(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	withInput(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	var out transcript
	within(t, 10*time.Second, "check", func() {
		if code := run(ctx, []string{"check", "--candidate", "--reviewer-token-file=-"}, &out, &out); code != exitUnhealthy || !strings.Contains(out.String(), "interrupted") {
			t.Errorf("exit code %d: %s", code, &out)
		}
	})
}

package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// asExporter, if set in the environment, makes this test binary the exporter.
const asExporter = "RUN_AS_EXPORTER"

// closedPipe returns the end of a pipe to which a write fails.
func closedPipe(t *testing.T) *os.File {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = reader.Close()
	t.Cleanup(func() { _ = writer.Close() })
	return writer
}

// check | head: the reader is gone before a late login is revoked.
func TestCheckIntoAClosedPipeRevokesALateLogin(t *testing.T) {
	for _, output := range []string{"text", "json"} {
		t.Run(output, func(t *testing.T) {
			w := probetest.NewWorld(t)
			setTarget(t, w.Target)
			t.Setenv("EXPORTER_TIMEOUT", "1s")
			answer := make(chan struct{})
			w.OnLogin(func(rw http.ResponseWriter, r *http.Request) {
				<-answer
				w.Vault.Serve(rw, r)
			})
			cmd := exec.Command(os.Args[0], "check", "--output="+output)
			cmd.Env = append(os.Environ(), asExporter+"=1")
			cmd.Stdout = closedPipe(t)
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewReader(stderr)
			notice, _ := lines.ReadString('\n') // comes after the report, and not at all if the process has ended
			close(answer)
			rest, _ := io.ReadAll(lines)
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != exitUnhealthy {
				t.Errorf("%v, want exit code %d", cmd.ProcessState, exitUnhealthy)
			}
			if !strings.Contains(notice, "waiting up to 20 s") || len(rest) > 0 {
				t.Errorf("stderr is %q%q", notice, rest)
			}
			if w.Vault.Issued() != 1 || w.Vault.Live() != 0 {
				t.Errorf("%d tokens were issued and %d are left, want 1 and 0", w.Vault.Issued(), w.Vault.Live())
			}
		})
	}
}

func TestCheckIntoAClosedPipeKeepsItsExitCode(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	cmd := exec.Command(os.Args[0], "check")
	cmd.Env = append(os.Environ(), asExporter+"=1")
	cmd.Stdout = closedPipe(t)
	var stderr transcript
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil || stderr.String() != "" {
		t.Errorf("%v, stderr %q; want exit code 0 without a word", err, &stderr)
	}
}

// Other errors of writing are reported.
func TestCheckIntoAFullDevice(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	var stderr transcript
	if code := run(t.Context(), []string{"check"}, full, &stderr); code != exitUnhealthy || !strings.Contains(stderr.String(), "no space left") {
		t.Errorf("exit code %d, stderr %q", code, &stderr)
	}
}

// serve goes on probing when nobody reads its log.
func TestServeOutlivesTheReaderOfItsLog(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	cmd := exec.Command(os.Args[0], "serve", "--web.listen-address=127.0.0.1:0", "--health.listen-address=127.0.0.1:0", "--log.level=debug")
	cmd.Env = append(os.Environ(), asExporter+"=1")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	s := &serving{t: t, out: new(transcript)}
	for lines := bufio.NewScanner(stderr); s.metrics == "" && lines.Scan(); {
		if match := metricsAddress.FindStringSubmatch(lines.Text()); match != nil {
			s.metrics = match[1]
		}
	}
	_ = stderr.Close()
	w.Vault.Change(func(v *probetest.Vault) { v.Sealed = true })
	s.eventually("sealed verdict", func() bool {
		return s.exposes(`vault_k8s_auth_verdict_info{certainty="proven",component="vault",reason="vault_sealed",target="default"} 1`)
	})
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil || w.Vault.Live() != 0 {
		t.Errorf("%v, with %d tokens left", err, w.Vault.Live())
	}
}

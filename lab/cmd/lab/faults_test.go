package main

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

func TestFaultPrintsTheCheckCommand(t *testing.T) {
	dir := runningLab(t)
	code, stdout, stderr := runCommand(t, "fault", "canary_wrong_audience_self_review")
	const line = "(. .lab/current/exporter.env; EXPORTER_REVIEWER=canary EXPORTER_REVIEWER_TOKEN_FILE= .lab/bin/exporter check)\n"
	if code != 0 || !strings.HasPrefix(stdout, "injected canary_wrong_audience_self_review;") || !strings.HasSuffix(stdout, "\n  "+line) {
		t.Errorf("%d\n%s\n%s", code, stdout, stderr)
	}
	code, stdout, stderr = runCommand(t, "fault", "exporter_forbidden")
	if code != 0 || !strings.Contains(stdout, " EXPORTER_KUBERNETES_TOKEN_FILE="+dir+"/nobody-token .lab/bin/exporter check)") {
		t.Errorf("%d\n%s\n%s", code, stdout, stderr)
	}
}

func TestFaultWithoutAnEnvironment(t *testing.T) {
	runningLab(t)
	code, stdout, stderr := runCommand(t, "fault", "role_missing")
	if code != 0 || stdout != "injected role_missing; undo it with `make heal`\n" {
		t.Errorf("%d\n%s\n%s", code, stdout, stderr)
	}
}

func TestFaultWithoutALab(t *testing.T) {
	checkout(t)
	if code, _, stderr := runCommand(t, "fault", "role_missing"); code != 1 || !strings.Contains(stderr, "make lab") {
		t.Errorf("%d\n%s", code, stderr)
	}
}

func TestCheckCommandQuotesForTheShell(t *testing.T) {
	got := checkCommand([]string{"A=with space", "B=it's", "C=https://vault..svc:8200"})
	if want := `; A='with space' B='it'\''s' C=https://vault..svc:8200 .lab/bin/exporter check)`; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s in it", got, want)
	}
}

// runCommand runs the lab command with these arguments.
func runCommand(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, log strings.Builder
	code = run(t.Context(), args, &out, &log)
	return code, out.String(), log.String()
}

// checkout changes into a directory that looks like a checkout of the repository, and returns it.
func checkout(t *testing.T) string {
	t.Helper()
	root, err := os.MkdirTemp("", "lab-test-") // the path of a socket below t.TempDir can be too long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte("module github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	return root
}

// runningLab listens on the control socket of a checkout, accepts every fault, and returns the lab's directory.
func runningLab(t *testing.T) string {
	t.Helper()
	root := checkout(t)
	dir := filepath.Join(root, "run")
	for _, d := range []string{dir, filepath.Join(root, ".lab")} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(dir, filepath.Join(root, ".lab", "current")); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", filepath.Join(dir, "control.sock"))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(lab.States()) })
	mux.HandleFunc("POST /faults/{name}", func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Handler: mux}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Close()
		<-served
	})
	return dir
}

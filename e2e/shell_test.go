package e2e

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// A shell runs commands as an administrator of a lab. It has kubectl, vault, full permissions, the
// lab's EXPORTER_* variables, and a working directory of its own.
type shell struct {
	t   *testing.T
	lab *lab.Lab
	dir string
}

func newShell(t *testing.T, l *lab.Lab) shell { return shell{t, l, t.TempDir()} }

// run runs the lines until the first one fails, and returns their combined output.
func (s shell) run(lines ...string) (string, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	sh := exec.CommandContext(ctx, "sh", "-e")
	sh.Dir = s.dir
	sh.Env = slices.Concat(s.lab.AdminEnv(), s.lab.Env(), []string{"HOME=" + s.dir})
	sh.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	out, err := sh.CombinedOutput()
	return string(out), err
}

// mustRun is run, and fails the test if a line fails.
func (s shell) mustRun(lines ...string) string {
	s.t.Helper()
	out, err := s.run(lines...)
	if err != nil {
		s.t.Fatalf("%v\n%s\n%s", err, strings.Join(lines, "\n"), out)
	}
	return out
}

// Questions about the reviewer's service account, for [shell.awaits].
const (
	reviewerMayReview        = "kubectl auth can-i create tokenreviews.authentication.k8s.io --all-namespaces --as=system:serviceaccount:vault:vault-auth"
	reviewerMayGetNamespaces = "kubectl auth can-i get namespaces --as=system:serviceaccount:vault:vault-auth"
)

// awaits waits until kubectl auth can-i answers with this word, yes or no: the API server watches bindings.
func (s shell) awaits(canI, word string) {
	s.t.Helper()
	eventually(s.t, detectionTimeout, word, func() bool { return s.answers(canI, word) }, func() string { return canI })
}

// answers reports whether kubectl auth can-i answers with this word, yes or no. It may print
// warnings before.
func (s shell) answers(canI, word string) bool {
	s.t.Helper()
	out, _ := s.run(canI) // fails where the answer is no
	return slices.ContainsFunc(strings.Split(out, "\n"), func(line string) bool {
		return line == word || strings.HasPrefix(line, word+" - ")
	})
}

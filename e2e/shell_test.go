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

// shell has kubectl, vault and an administrator's rights in a lab, the lab's EXPORTER_*
// variables, and a directory of its own.
type shell struct {
	t   *testing.T
	lab *lab.Lab
	dir string
}

func newShell(t *testing.T, l *lab.Lab) shell { return shell{t, l, t.TempDir()} }

// paste runs lines up to the first that fails, and returns what they print.
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

// must is paste where nothing may fail.
func (s shell) mustRun(lines ...string) string {
	s.t.Helper()
	out, err := s.run(lines...)
	if err != nil {
		s.t.Fatalf("%v\n%s\n%s", err, strings.Join(lines, "\n"), out)
	}
	return out
}

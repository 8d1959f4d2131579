package e2e

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"vault-k8s-auth-exporter/lab"
)

// pasted are faults whose fix mends them as it is printed, by the column that prints it.
var pasted = []struct {
	fault  string
	column int
}{
	{"reviewer_forbidden", 0},
	{"reviewer_forbidden_role_binding", 0},
	{"reviewer_forbidden_no_such_role", 0},
	{"reviewer_expired", 1},
	{"reviewer_drift", 1},
	{"vault_to_kubernetes_tls", 1},
	{"vault_to_kubernetes_misconfigured", 1},
	{"mount_missing", 0},
	{"mount_config_missing", 0},
	{"mount_issuer_mismatch", 1},
	{"mount_annotations_forbidden", 0},
	{"role_missing", 0},
	{"role_service_account_mismatch", 0},
	{"role_namespace_mismatch", 0},
	{"role_namespace_selector_failed", 0},
	{"role_audience_mismatch", 0},
	{"role_cidr_mismatch", 1},
	{"role_policy_invalid", 0},
	{"canary_entity_disabled", 1},
	{"vault_sealed", 0},
}

// TestFixesMend pastes what check prints into a shell, to the letter. Each has a lab of
// its own: what a fix leaves behind is no longer the lab's to heal.
func TestFixesMend(t *testing.T) {
	for _, p := range pasted {
		t.Run(p.fault, func(t *testing.T) {
			t.Parallel()
			l := start(t)
			env := environment(columns[p.column].env(l))
			if err := l.Inject(t.Context(), p.fault); err != nil {
				t.Fatal(err)
			}
			_, broken := check(t, env)
			fix := broken.Targets[0].Fix
			if broken.Targets[0].Healthy || len(fix) == 0 {
				t.Fatalf("check gives no fix: %+v", broken.Targets[0])
			}
			out, err := paste(t, l, fix)
			story := func() string { return strings.Join(fix, "\n") + "\n" + out }
			if err != nil {
				t.Fatalf("pasting the fix: %v\n%s", err, story())
			}
			eventually(t, shown, "health", func() bool {
				o, _ := check(t, env)
				return o.code == 0
			}, story)
		})
	}
}

// paste runs lines in one shell that has kubectl, vault and an administrator's rights.
func paste(t *testing.T, l *lab.Lab, lines []string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	shell := exec.CommandContext(ctx, "sh", "-e")
	shell.Dir = t.TempDir()
	shell.Env = slices.Concat(l.AdminEnv(), []string{"HOME=" + shell.Dir})
	shell.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	out, err := shell.CombinedOutput()
	return string(out), err
}

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// fixableFaults are faults whose printed fix works without editing, and the evidence level at which
// it is printed.
var fixableFaults = []struct {
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

// TestFixesResolveTheFault runs the fix exactly as check prints it. Each fault has a lab of its
// own, because the lab cannot heal what a fix has changed.
func TestFixesResolveTheFault(t *testing.T) {
	for _, p := range fixableFaults {
		t.Run(p.fault, func(t *testing.T) {
			t.Parallel()
			l := startLab(t)
			env := environment(evidenceLevels[p.column].env(l))
			if err := l.Inject(t.Context(), p.fault); err != nil {
				t.Fatal(err)
			}
			_, broken := check(t, env)
			fix := broken.Targets[0].Fix
			if broken.Targets[0].Healthy || len(fix) == 0 {
				t.Fatalf("check gives no fix: %+v", broken.Targets[0])
			}
			out, err := newShell(t, l).run(fix...)
			details := func() string { return strings.Join(fix, "\n") + "\n" + out }
			if err != nil {
				t.Fatalf("running the fix: %v\n%s", err, details())
			}
			eventually(t, detectionTimeout, "health", func() bool {
				o, _ := check(t, env)
				return o.code == 0
			}, details)
		})
	}
}

// TestFixOfUnexplainedRevealsTheCause runs the one fix that resolves nothing: it gives the exporter
// more evidence, so that the next check names the cause.
func TestFixOfUnexplainedRevealsTheCause(t *testing.T) {
	l := startLab(t)
	if err := l.Inject(t.Context(), "role_cidr_mismatch"); err != nil {
		t.Fatal(err)
	}
	env := environment(l.Env())
	_, withoutToken := check(t, env)
	if got := withoutToken.Targets[0].Reason; got != "unexplained" {
		t.Fatalf("reason = %s, want unexplained", got)
	}
	administrator := newShell(t, l)
	if out, err := administrator.run(withoutToken.Targets[0].Fix...); err != nil {
		t.Fatalf("running the fix: %v\n%s\n%s", err, strings.Join(withoutToken.Targets[0].Fix, "\n"), out)
	}
	_, withToken := check(t, append(env, "EXPORTER_VAULT_TOKEN_FILE="+filepath.Join(administrator.dir, "vault-token")))
	if got := withToken.Targets[0].Reason; got != "role_cidr_mismatch" {
		t.Errorf("reason = %s (%s), want role_cidr_mismatch", got, withToken.Targets[0].Detail)
	}
}

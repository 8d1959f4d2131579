package e2e

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// notFixed are the faults that no command of a shell fixes, by the reason why.
var notFixed = map[string][]string{
	"the canary's token is the exporter's: its file, its projection or its service account": {
		"canary_expired", "canary_not_yet_valid", "canary_revoked", "canary_revoked_account_deleted", "canary_revoked_account_recreated",
		"canary_revoked_secret", "canary_token_malformed", "canary_token_missing", "canary_token_too_wide", "canary_wrong_audience",
		"canary_wrong_audience_self_review", "canary_wrong_cluster", "canary_wrong_cluster_key",
	},
	"the exporter's copy of the token is a file, filled from elsewhere": {
		"reviewer_stale_copy", "reviewer_token_malformed", "reviewer_token_missing", "reviewer_token_bound_to_pod", "reviewer_token_expiring",
		"token_signing_key_rotated", "certificate_expiring_exporters_ca",
	},
	"a server's listener, certificate or network has to be repaired on its host": {
		"certificate_expiring", "kubernetes_bad_response", "kubernetes_dns", "kubernetes_timeout", "kubernetes_tls_expired", "kubernetes_tls_failed",
		"kubernetes_tls_name", "kubernetes_tls_untrusted", "kubernetes_unavailable", "kubernetes_unreachable", "vault_bad_response", "vault_internal_error",
		"vault_no_backend", "vault_redirect", "vault_timeout", "vault_tls_expired", "vault_tls_failed", "vault_tls_name", "vault_tls_untrusted",
		"vault_unreachable",
	},
	"only the owner of a limit or a policy can decide on it": {
		"kubernetes_throttled", "role_mfa_required", "vault_rate_limited",
	},
	"a setting of the exporter is wrong": {
		"kubernetes_unreachable_from_exporter", "mount_host_differs", "mount_wrong_type", "vault_dns",
	},
	"a proxy in Vault's own environment": {"vault_to_kubernetes_proxy"},
	"a firewall between Vault and the API server, or a name that does not resolve for Vault": {
		"vault_to_kubernetes_timeout", "vault_to_kubernetes_unreachable", "vault_to_kubernetes_unreachable_dns",
	},
	"nodes of Vault have to be started":                                           {"vault_no_leader_quorum_lost", "vault_no_leader_leader_silent"},
	"the token is no JWT, and does not say whose it is: the fix has placeholders": {"reviewer_unauthorized"},
	"the fix has a placeholder, which TestFixOfAWideReviewer fills in":            {"reviewer_overprivileged", "reviewer_overprivileged_secrets"},
	"a node may belong to a cluster that is initialised":                          {"vault_uninitialized"},
	"time passes": {"reviewer_not_yet_valid"},
}

// isFixed reports whether the fix of a fault can be run.
func isFixed(fault lab.Fault) bool {
	for _, names := range notFixed {
		if slices.Contains(names, fault.Name) {
			return false
		}
	}
	return true
}

// TestFixesResolveTheFault runs every fix exactly as check prints it, for every fault, with and
// without the readable config. TestChecksShowTheirSign runs the checks. Each fix has a lab of its own, because the
// lab cannot heal what a fix has changed.
func TestFixesResolveTheFault(t *testing.T) {
	t.Parallel()
	for why, names := range notFixed {
		for _, name := range names {
			if !slices.ContainsFunc(lab.Faults(), func(f lab.Fault) bool { return f.Name == name }) {
				t.Errorf("%s is no fault, but left out: %s", name, why)
			}
		}
	}
	for _, fault := range faultsOf(shared.installation) {
		if !isFixed(fault) {
			continue
		}
		t.Run(fault.Name, func(t *testing.T) {
			t.Parallel()
			tried := []string(nil)
			for _, level := range evidenceLevels {
				l, env, broken := breakLab(t, fault, level)
				fix := fixOf(broken, fault)
				if len(fix) == 0 || slices.Equal(withoutAddresses(fix), tried) {
					continue
				}
				if shared.installation != (lab.Installation{}) && strings.Contains(strings.Join(fix, "\n"), "operator unseal") {
					t.Skip("a release's own command asks for the key at a terminal")
				}
				tried = withoutAddresses(fix)
				pasteFix(t, newShell(t, l), env, fault, broken, fix)
				wantHealable(t, l, env, fault, broken)
			}
			if tried == nil {
				t.Error("check gives no fix, and no reason is stated")
			}
		})
	}
}

// wantHealable requires that what a fix has changed does not keep the fault from being healed and injected again, as
// somebody does who tries the demo.
func wantHealable(t *testing.T, l *lab.Lab, env []string, fault lab.Fault, broken targetReport) {
	t.Helper()
	if _, err := l.Heal(t.Context()); err != nil {
		t.Errorf("healing after the fix: %v", err)
		return
	}
	if err := l.Inject(t.Context(), fault.Name); err != nil {
		t.Errorf("injecting again after the fix: %v", err)
		return
	}
	if _, again := check(t, env); again.Targets[0].Reason != broken.Reason {
		t.Errorf("injected again after the fix, check reports %s, want %s", again.Targets[0].Reason, broken.Reason)
	}
}

// breakLab injects a fault into a new lab, and returns what check then says of it.
func breakLab(t *testing.T, fault lab.Fault, level evidenceLevel) (*lab.Lab, []string, targetReport) {
	t.Helper()
	l := startLab(t)
	env := environment(level.env(l), l.Expand(fault.Env)...)
	if err := l.Inject(t.Context(), fault.Name); err != nil {
		t.Fatal(err)
	}
	_, broken := check(t, env)
	return l, env, broken.Targets[0]
}

// fixOf is the fix of the verdict, or of the warning that the fault causes.
func fixOf(r targetReport, fault lab.Fault) []string {
	if !r.Healthy {
		return r.Fix
	}
	for _, w := range r.Warnings {
		if w.Warning == fault.Bare.Warning || w.Warning == fault.Full.Warning {
			return w.Fix
		}
	}
	return nil
}

var loopbackPort = regexp.MustCompile(`127\.0\.0\.1:\d+|/[^ ]*/lab[^/ ]*`)

// withoutAddresses makes the fixes of two labs comparable.
func withoutAddresses(commands []string) []string {
	text := loopbackPort.ReplaceAllString(strings.Join(commands, "\n"), "")
	return strings.Split(text, "\n")
}

// resolves reports whether a fix is for the one cause of a fault. One verdict has several causes,
// and a fix for the most likely; another has a fix that only brings more evidence.
func resolves(broken targetReport, fault lab.Fault) bool {
	switch broken.Reason {
	case "vault_to_kubernetes_failed":
		return fault.Full.Reason == "reviewer_drift"
	case "unexplained":
		return false
	}
	return true
}

func pasteFix(t *testing.T, sh shell, env []string, fault lab.Fault, broken targetReport, fix []string) {
	t.Helper()
	out, err := sh.run(fix...)
	details := func() string {
		_, after := check(t, env)
		return strings.Join(fix, "\n") + "\n" + out + fmt.Sprintf("\nafter: %+v", after.Targets[0])
	}
	if err != nil {
		t.Fatalf("running the fix: %v\n%s", err, details())
	}
	if !resolves(broken, fault) {
		return
	}
	eventually(t, detectionTimeout, "health", func() bool {
		_, after := check(t, env)
		r := after.Targets[0]
		return r.Healthy && len(fixOf(r, fault)) == 0
	}, details)
}

// TestFixesKeepTheSelector pastes the fixes of a role that has a namespace selector, which Vault
// deletes where a write leaves it out.
func TestFixesKeepTheSelector(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	env, sh := environment(l.FullEnv()), newShell(t, l)
	const selector = `{"matchLabels":{"team":"sre"}}`
	for _, fault := range faultsOf(shared.installation) {
		if !slices.Contains([]string{
			"role_audience_mismatch", "role_namespace_mismatch", "role_policy_invalid", "role_service_account_mismatch", "role_ttl_too_long", "role_cidr_mismatch",
		}, fault.Name) {
			continue
		}
		if err := l.Inject(t.Context(), fault.Name); err != nil {
			t.Fatal(err)
		}
		sh.mustRun(`export VAULT_ADDR="$EXPORTER_VAULT_ADDR"`,
			"kubectl create clusterrole vault-namespaces --verb=get --resource=namespaces --dry-run=client -o yaml | kubectl apply -f -",
			"kubectl create clusterrolebinding vault-namespaces --clusterrole=vault-namespaces --serviceaccount=vault:vault-auth --dry-run=client -o yaml | kubectl apply -f -",
			"vault write auth/kubernetes/role/canary bound_service_account_namespace_selector='"+selector+"'")
		sh.awaits(reviewerMayGetNamespaces, "yes")
		_, broken := check(t, env)
		fix := fixOf(broken.Targets[0], fault)
		pasteFix(t, sh, env, fault, broken.Targets[0], fix)
		if stored := sh.mustRun(`export VAULT_ADDR="$EXPORTER_VAULT_ADDR"`, "vault read -field=bound_service_account_namespace_selector auth/kubernetes/role/canary"); !strings.Contains(stored, selector) {
			t.Errorf("the fix of %s leaves the selector %q:\n%s", fault.Name, stored, strings.Join(fix, "\n"))
		}
	}
}

// accessReviewEnv has the variables of an exporter that has no token of the reviewer.
func accessReviewEnv() []string {
	variants := lab.Variants()
	return variants[slices.IndexFunc(variants, func(v lab.Fault) bool { return v.Name == "accessreview" })].Env
}

// TestFixesInAccessReview pastes fixes that are printed without a token of the reviewer. The lab's
// Vault has one, which it never returns: no fix may delete it.
func TestFixesInAccessReview(t *testing.T) {
	t.Parallel()
	for name, fixed := range map[string]bool{
		"mount_annotations_forbidden": true, "reviewer_forbidden": true, "role_audience_mismatch": true, "role_missing": true, "role_policy_invalid": true,
		"mount_issuer_mismatch": false, // its fix rewrites the config, and refuses
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLab(t)
			env := environment(l.Env(), l.Expand(accessReviewEnv())...)
			if err := l.Inject(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			_, broken := check(t, env)
			sh := newShell(t, l)
			out, err := sh.run(broken.Targets[0].Fix...)
			if !fixed && (err == nil || !strings.Contains(out, "this write would delete token_reviewer_jwt")) {
				t.Errorf("running the fix: %v\n%s", err, out)
			}
			if fixed {
				eventually(t, detectionTimeout, "health", func() bool { _, after := check(t, env); return after.Targets[0].Healthy }, func() string { return out })
			}
			if stored := sh.mustRun(`export VAULT_ADDR="$EXPORTER_VAULT_ADDR"`, "vault read -field=token_reviewer_jwt_set auth/kubernetes/config"); !strings.Contains(stored, "true") {
				t.Errorf("the fix deleted the stored reviewer token:\n%s\n%s", strings.Join(broken.Targets[0].Fix, "\n"), out)
			}
		})
	}
}

// TestFixOfAHostThatVaultNames pastes fixes of a wrong kubernetes_host that nobody may read: Vault names it to the
// diagnostic role.
func TestFixOfAHostThatVaultNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"vault_to_kubernetes_tls_name", "vault_to_kubernetes_tls_plain"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLab(t)
			diagnostic := slices.IndexFunc(l.FullEnv(), func(v string) bool { return strings.HasPrefix(v, "EXPORTER_VAULT_DIAGNOSTIC_ROLE=") })
			if diagnostic < 0 {
				t.Fatal("the lab has no diagnostic role")
			}
			env := environment(l.Env(), l.FullEnv()[diagnostic])
			if err := l.Inject(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			_, broken := check(t, env)
			if got := broken.Targets[0]; got.Reason != "vault_to_kubernetes_tls" || got.Certainty != "proven" {
				t.Errorf("%s, %s (%s)", got.Reason, got.Certainty, got.Detail)
			}
			out, err := newShell(t, l).run(broken.Targets[0].Fix...)
			if err != nil {
				t.Fatalf("the fix fails: %v\n%s", err, out)
			}
			eventually(t, detectionTimeout, "health", func() bool { _, after := check(t, env); return after.Targets[0].Healthy }, func() string { return out })
		})
	}
}

// TestFixOfAWideReviewer pastes the fix of a reviewer that may do too much, with the name of the binding that the check
// finds. Logins work after each of its commands.
func TestFixOfAWideReviewer(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"reviewer_overprivileged", "reviewer_overprivileged_secrets"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLab(t)
			env, sh := environment(l.FullEnv()), newShell(t, l)
			if err := l.Inject(t.Context(), name); err != nil {
				t.Fatal(err)
			}
			if name == "reviewer_overprivileged" {
				sh.mustRun("kubectl delete clusterrolebinding vault-auth-delegator") // logins rely on the wide binding
			}
			_, broken := check(t, env)
			i := slices.IndexFunc(broken.Targets[0].Warnings, func(w warningReport) bool { return w.Warning == "reviewer_overprivileged" })
			if i < 0 {
				t.Fatalf("no warning: %+v", broken.Targets[0])
			}
			warning := broken.Targets[0].Warnings[i]
			bindings := regexp.MustCompile(`(?m)^clusterrolebinding\S*/(\S+) +ClusterRole/(?:cluster-admin|lab-secrets) `).FindStringSubmatch(sh.mustRun(warning.Check[0].Command))
			if bindings == nil {
				t.Fatalf("the check finds no binding: %s", sh.mustRun(warning.Check[0].Command))
			}
			for _, line := range warning.Fix {
				sh.mustRun(strings.Replace(line, "<binding>", bindings[1], 1))
				if o, after := check(t, env); o.code != 0 {
					t.Fatalf("after %s: %+v", line, after.Targets[0])
				}
			}
			eventually(t, detectionTimeout, "the warning to end", func() bool {
				o, after := check(t, env)
				return o.code == 0 && !after.Targets[0].warns("reviewer_overprivileged")
			}, func() string { return strings.Join(warning.Fix, "\n") })
		})
	}
}

// TestGrantsToAUser pastes what is granted to a reviewer that is no service account, as that of an
// identity provider or of a proxy in front of the API server. The check says no before and yes after.
func TestGrantsToAUser(t *testing.T) {
	t.Parallel()
	sh := newShell(t, startLab(t))
	const user = "https://issuer.example#auth0|jane@example.com"
	seen := evidence.Evidence{Identity: evidence.Fact[evidence.Identity]{State: evidence.Answered, Value: evidence.Identity{Username: user}}}
	for _, reason := range []diagnose.Reason{diagnose.ReviewerForbidden, diagnose.RoleNamespaceSelectorFailed, diagnose.MountAnnotationsForbidden} {
		advice := reason.Advice(evidence.Target{}, seen)
		check := advice.Check[0].Command
		if !sh.answers(check, "no") {
			t.Errorf("%s: the answer before the fix is not no", reason)
		}
		sh.mustRun(advice.Fix...)
		sh.awaits(check, "yes")
	}
}

// TestFixOfUnexplainedRevealsTheCause runs the one fix that resolves nothing: it gives the exporter
// more evidence, so that the next check names the cause.
func TestFixOfUnexplainedRevealsTheCause(t *testing.T) {
	t.Parallel()
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

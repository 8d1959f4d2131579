package e2e

import (
	"fmt"
	"net"
	"slices"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// TestHangBehindAStandby has a standby of a Vault cluster forward the logins to an active node that waits for Kubernetes.
// Vault is not to blame, and no login works until the mount's host responds. A standby of OpenBao answers some requests by
// itself, so that the same could be the active node's fault.
func TestHangBehindAStandby(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	variants := lab.Variants()
	standby := variants[slices.IndexFunc(variants, func(v lab.Fault) bool { return v.Name == "standby" })]
	if err := standby.Inject(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	administrator := newShell(t, l)
	pointMountAt := func(host string) {
		administrator.mustRun(`export VAULT_ADDR="$EXPORTER_VAULT_ADDR"`,
			fmt.Sprintf(`vault write auth/kubernetes/config kubernetes_host=%s kubernetes_ca_cert=@"$EXPORTER_KUBERNETES_CACERT" `, host)+
				`token_reviewer_jwt=@"$EXPORTER_REVIEWER_TOKEN_FILE" disable_local_ca_jwt=true`)
	}
	want := lab.Verdict{Reason: "vault_to_kubernetes_timeout", Certainty: "proven"}
	if shared.installation.IsOpenBao() {
		want = lab.Verdict{Reason: "vault_timeout", Certainty: "by_elimination"}
	}
	environments := map[string][]string{"accessreview": environment(l.Env(), append(l.Expand(accessReviewEnv()), "EXPORTER_TIMEOUT=3s", "EXPORTER_INTERVAL=10s")...)}
	for _, level := range evidenceLevels {
		environments[level.name] = environment(level.env(l), "EXPORTER_TIMEOUT=3s", "EXPORTER_INTERVAL=10s")
	}

	pointMountAt("https://" + silent(t))
	for name, env := range environments {
		_, report := check(t, env)
		if got := report.Targets[0]; got.Reason != want.Reason || got.Certainty != want.Certainty {
			t.Errorf("%s: %s, %s (%s), want %v", name, got.Reason, got.Certainty, got.Detail, want)
		}
	}
	pointMountAt(`"$EXPORTER_KUBERNETES_HOST"`)
	for name, env := range environments {
		var last outcome
		eventually(t, detectionTimeout, name+": health", func() bool {
			var r report
			last, r = check(t, env)
			return r.Targets[0].Healthy
		}, func() string { return last.stdout })
	}
}

// silent returns the address of a listener that accepts connections and never responds.
func silent(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String() // the kernel accepts
}

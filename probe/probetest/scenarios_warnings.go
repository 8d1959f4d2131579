package probetest

import (
	"strings"
	"time"

	"vault-k8s-auth-exporter/probe"
)

// warningScenarios are worlds in which pods can log in, today.
var warningScenarios = []Scenario{
	same("reviewer_token_expiring", warned(probe.ReviewerTokenExpiring), useReviewer(func(_ *World, t *Token) {
		t.Issued, t.Expires = time.Now().Add(-100*time.Hour), time.Now().Add(time.Hour)
	})),
	same("reviewer_token_bound_to_pod", warned(probe.ReviewerTokenBoundToPod), useReviewer(func(w *World, t *Token) {
		t.Pod = "vault-0"
		w.Kubernetes.Change(func(k *Kubernetes) { k.Pods["vault/vault-0"] = uidOf("vault-0") })
	})),
	same("reviewer_overprivileged", warned(probe.ReviewerOverprivileged), func(w *World) {
		w.Kubernetes.Change(func(k *Kubernetes) { k.Grants[w.Reviewer.username()] = []string{"* *"} })
	}),
	same("reviewer_stale_copy", warned(probe.ReviewerStaleCopy), func(w *World) { w.SetReviewer(expiredYesterday(w.Reviewer)) }),
	bare("reviewer_stale_copy_missing", warned(probe.ReviewerStaleCopy), func(w *World) { w.Target.Reviewer.TokenFile += ".gone" }),
	same("reviewer_not_checked", warned(probe.ReviewerNotChecked), func(w *World) {
		accessReview(w)
		w.powerlessIdentity()
	}),
	bare("reviewer_not_checked_not_minted", warned(probe.ReviewerNotChecked), func(w *World) {
		w.powerlessIdentity()
		w.Target.Reviewer = probe.Reviewer{Source: probe.SourceServiceAccount, ServiceAccount: w.Reviewer.account()}
	}),
	same("canary_token_too_wide", warned(probe.CanaryTokenTooWide), useCanary(func(t *Token) { t.Audiences = []string{"vault", APIServerAudience} })),
	same("certificate_expiring", warned(probe.CertificateExpiring), func(w *World) {
		w.Target.Vault.Addr = w.Serve(w.Vault, w.vaultCA, expiring)
	}),
	differs("mount_ca_mismatch", well, warned(probe.MountCAMismatch), withMount(func(m *Mount) {
		m.PooledCA, m.Config.CACert = m.Config.CACert, newAuthority("other").PEM()
	})),
	differs("mount_host_differs", well, warned(probe.MountHostDiffers), withConfig(func(c *Config) {
		c.Host = strings.Replace(c.Host, "127.0.0.1", "localhost", 1)
	})),
	{Name: "mount_drift", Full: warned(probe.MountDrift), Before: func(*World) {},
		Arrange: withConfig(func(c *Config) { c.Issuer = "https://other.example" })},
	same("role_ttl_too_long", warned(probe.RoleTTLTooLong), withRole(func(r *Role) { r.TTL = time.Hour })),
	same("token_not_revoked", warned(probe.TokenNotRevoked), withRole(func(r *Role) { r.NoDefaultPolicy = true })),
	same("kubernetes_unreachable_from_exporter", warned(probe.KubernetesUnreachableFromExporter),
		func(w *World) { w.Target.Kubernetes.Host = "https://" + w.Refused() }),
	same("clock_skew", warned(probe.ClockSkew), withVault(func(v *Vault) { v.Clock = 45 * time.Second })),
}

package probetest

import (
	"os"
	"time"

	"vault-k8s-auth-exporter/probe"
)

var reviewerScenarios = []Scenario{
	same("reviewer_forbidden", proven(probe.ReviewerForbidden), unbound()),
	same("reviewer_forbidden_role_binding", proven(probe.ReviewerForbidden), unbound("create tokenreviews in the namespace vault")),
	same("reviewer_forbidden_no_such_role", proven(probe.ReviewerForbidden), func(w *World) {
		unbound()(w)
		w.Kubernetes.Change(func(k *Kubernetes) { k.Dangling[w.Reviewer.username()] = "system:auth-delegate" })
	}),
	same("reviewer_forbidden_self_review", proven(probe.ReviewerForbidden), selfReview),
	bare("reviewer_forbidden_accessreview", proven(probe.ReviewerForbidden), func(w *World) {
		accessReview(w)
		unbound()(w)
	}),
	bare("reviewer_forbidden_opaque", proven(probe.ReviewerForbidden), func(w *World) {
		useText("opaque-" + Mark)(w)
		w.Kubernetes.Change(func(k *Kubernetes) { k.Static["opaque-"+Mark] = "system:serviceaccount:vault:opaque" })
	}),
	same("reviewer_expired", proven(probe.ReviewerExpired), useReviewer(func(_ *World, t *Token) { *t = expiredYesterday(*t) })),
	same("reviewer_not_yet_valid", proven(probe.ReviewerNotYetValid),
		useReviewer(func(_ *World, t *Token) { t.NotBefore = time.Now().Add(24 * time.Hour) })),
	differs("reviewer_wrong_audience", proven(probe.ReviewerUnauthorized), proven(probe.ReviewerWrongAudience),
		useReviewer(func(_ *World, t *Token) { t.Audiences = []string{"elsewhere"} })),
	same("reviewer_wrong_cluster", byElimination(probe.ReviewerWrongCluster),
		useReviewer(func(_ *World, t *Token) { t.Key, t.Issuer = otherKey(), "https://other.example" })),
	differs("reviewer_wrong_cluster_key", proven(probe.ReviewerUnauthorized), proven(probe.ReviewerWrongCluster),
		useReviewer(func(_ *World, t *Token) { t.Key = otherKey() })),
	differs("reviewer_revoked", byElimination(probe.ReviewerRevoked), proven(probe.ReviewerRevoked),
		useReviewer(func(_ *World, t *Token) { t.Pod = "vault-0" })),
	differs("reviewer_revoked_secret", byElimination(probe.ReviewerRevoked), proven(probe.ReviewerRevoked),
		useReviewer(func(_ *World, t *Token) { t.Secret = "vault-auth-token" })),
	differs("reviewer_revoked_legacy_secret", byElimination(probe.ReviewerRevoked), proven(probe.ReviewerRevoked), func(w *World) {
		useReviewer(legacy)(w)
		w.Kubernetes.Change(func(k *Kubernetes) { clear(k.Secrets) })
	}),
	differs("reviewer_revoked_account_deleted", proven(probe.ReviewerUnauthorized), proven(probe.ReviewerRevoked), func(w *World) {
		w.Kubernetes.Change(func(k *Kubernetes) { delete(k.Accounts, "vault/vault-auth") })
	}),
	differs("reviewer_revoked_account_recreated", proven(probe.ReviewerUnauthorized), proven(probe.ReviewerRevoked), func(w *World) {
		w.Kubernetes.Change(func(k *Kubernetes) { k.Accounts["vault/vault-auth"] = "another" })
	}),
	same("reviewer_unauthorized", proven(probe.ReviewerUnauthorized), useText("opaque-"+Mark)),
	bare("reviewer_unauthorized_empty_401", proven(probe.ReviewerUnauthorized), func(w *World) { w.OnKubernetes("", Answer(401, "", "")) }),
	same("reviewer_token_missing", byElimination(probe.ReviewerTokenMissing), func(w *World) {
		w.DropReviewer()
		w.Target.Reviewer.TokenFile += ".gone"
	}),
	bare("reviewer_token_missing_empty", byElimination(probe.ReviewerTokenMissing), useText("")),
	bare("reviewer_token_missing_blank", byElimination(probe.ReviewerTokenMissing), useText(" \r\n\t")),
	bare("reviewer_token_missing_directory", byElimination(probe.ReviewerTokenMissing), func(w *World) {
		w.DropReviewer()
		w.Target.Reviewer.TokenFile = os.TempDir()
	}),
	same("reviewer_token_malformed", byElimination(probe.ReviewerTokenMalformed), func(w *World) { useText(`"` + w.Reviewer.String() + `"`)(w) }),
	bare("reviewer_token_malformed_line_break", byElimination(probe.ReviewerTokenMalformed), useText("eyJ"+Mark+"\neyJ"+Mark)),
	differs("reviewer_drift", byElimination(probe.VaultToKubernetesFailed), proven(probe.ReviewerDrift), (*World).DropReviewer),
	differs("reviewer_drift_forbidden", byElimination(probe.VaultToKubernetesFailed), proven(probe.ReviewerDrift), func(w *World) {
		other := accountToken("vault", "other", APIServerAudience)
		w.Kubernetes.Change(func(k *Kubernetes) { k.Accounts["vault/other"] = other.UID })
		w.StoreReviewer(other.String())
	}),
	differs("reviewer_drift_unset", byElimination(probe.VaultToKubernetesFailed), proven(probe.ReviewerDrift),
		withConfig(func(c *Config) { c.ReviewerJWT = "" })),
	bare("reviewer_drift_by_config", byElimination(probe.ReviewerDrift), func(w *World) {
		w.DropReviewer()
		w.Readable()
	}),
}

// unbound takes the reviewer's grants away, but for these.
func unbound(left ...string) func(*World) {
	return func(w *World) {
		w.Kubernetes.Change(func(k *Kubernetes) { k.Grants[w.Reviewer.username()] = left })
	}
}

// useReviewer has both Vault and the file hold a changed token.
func useReviewer(change func(*World, *Token)) func(*World) {
	return func(w *World) {
		token := w.Reviewer
		change(w, &token)
		w.SetReviewer(token)
		w.StoreReviewer(token.String())
	}
}

// useText has both Vault and the file hold a text that is no token.
func useText(text string) func(*World) {
	return func(w *World) {
		w.SetReviewerText(text)
		w.Config(func(c *Config) { c.ReviewerJWT = text })
	}
}

// legacy makes it a token in a Secret that exists.
func legacy(w *World, t *Token) {
	t.Legacy, t.Secret = true, t.Name+"-token"
	w.Kubernetes.Change(func(k *Kubernetes) { k.Secrets[t.Namespace+"/"+t.Secret] = t.String() })
}

package probetest

import (
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

var reviewerScenarios = []Scenario{
	twin("reviewer_forbidden", unbound()),
	twin("reviewer_forbidden_role_binding", unbound("create tokenreviews in the namespace vault")),
	twin("reviewer_forbidden_no_such_role", func(w *World) {
		unbound()(w)
		w.Kubernetes.Change(func(k *Kubernetes) { k.Dangling[w.Reviewer.username()] = "system:auth-delegate" })
	}),
	twin("reviewer_forbidden_self_review", selfReview),
	bare("reviewer_forbidden_accessreview", proven(diagnose.ReviewerForbidden), func(w *World) {
		accessReview(w)
		unbound()(w)
	}),
	bare("reviewer_forbidden_opaque", proven(diagnose.ReviewerForbidden), func(w *World) {
		useText("opaque-" + Mark)(w)
		w.Kubernetes.Change(func(k *Kubernetes) { k.Static["opaque-"+Mark] = "system:serviceaccount:vault:opaque" })
	}),
	same("reviewer_forbidden_user", proven(diagnose.ReviewerForbidden), useUser(nil)),
	same("reviewer_expired_user", proven(diagnose.ReviewerExpired), useUser(func(_ *World, t *Token) { t.Expires = time.Now().Add(-time.Hour) })),
	differs("reviewer_wrong_audience_user", proven(diagnose.ReviewerUnauthorized), proven(diagnose.ReviewerWrongAudience),
		useUser(func(_ *World, t *Token) { t.Audiences = []string{"web"} })),
	same("reviewer_unauthorized_user_key", proven(diagnose.ReviewerUnauthorized), useUser(func(_ *World, t *Token) { t.Key = clusterKey() })),
	same("reviewer_unauthorized_user_unverified", proven(diagnose.ReviewerUnauthorized), func(w *World) {
		useUser(nil)(w)
		w.Kubernetes.Change(func(k *Kubernetes) {
			k.Users.Failure = `Get "https://login.example.com/keys": dial tcp: lookup login.example.com: i/o timeout`
		})
	}),
	same("reviewer_unauthorized_user_issuer", proven(diagnose.ReviewerUnauthorized), useUser(func(_ *World, t *Token) { t.Issuer = "https://elsewhere.example" })),
	twin("reviewer_expired", useReviewer(func(_ *World, t *Token) { *t = expiredYesterday(*t) })),
	bare("reviewer_expired_by_another_clock", Verdict{diagnose.ReviewerExpired, diagnose.ByElimination, diagnose.ClockSkew}, func(w *World) {
		useReviewer(func(_ *World, t *Token) { t.Expires = time.Now().Add(-time.Hour) })(w)
		w.Vault.Change(func(v *Vault) { v.Clock = -50 * time.Minute })
	}),
	bare("reviewer_expired_refused_early", byElimination(diagnose.ReviewerExpired), func(w *World) {
		w.SetReviewer(expiredYesterday(w.Reviewer))
		withRole(fromElsewhere)(w)
	}),
	twin("reviewer_not_yet_valid", useReviewer(func(_ *World, t *Token) { t.NotBefore = time.Now().Add(24 * time.Hour) })),
	twin("reviewer_wrong_audience", useReviewer(func(_ *World, t *Token) { t.Audiences = []string{"elsewhere"} })),
	twin("reviewer_wrong_cluster", useReviewer(func(_ *World, t *Token) { t.Key, t.Issuer = otherKey(), "https://other.example" })),
	twin("reviewer_wrong_cluster_key", useReviewer(func(_ *World, t *Token) { t.Key = otherKey() })),
	twin("reviewer_revoked", useReviewer(func(_ *World, t *Token) { t.Pod = "vault-0" })),
	twin("reviewer_revoked_secret", useReviewer(func(_ *World, t *Token) { t.Secret = "vault-auth-token" })),
	twin("reviewer_revoked_legacy_secret", func(w *World) {
		useReviewer(legacy)(w)
		w.Kubernetes.Change(func(k *Kubernetes) { clear(k.Secrets) })
	}),
	twin("reviewer_revoked_legacy_secret_unused", useReviewer(func(w *World, t *Token) {
		legacy(w, t)
		w.Kubernetes.Change(func(k *Kubernetes) { k.Unused[t.Namespace+"/"+t.Secret] = true })
	})),
	twin("reviewer_revoked_account_deleted", func(w *World) {
		w.Kubernetes.Change(func(k *Kubernetes) { delete(k.Accounts, "vault/vault-auth") })
	}),
	twin("reviewer_revoked_account_recreated", func(w *World) {
		w.Kubernetes.Change(func(k *Kubernetes) { k.Accounts["vault/vault-auth"] = "another" })
	}),
	twin("reviewer_unauthorized", useText("opaque-"+Mark)),
	bare("reviewer_unauthorized_empty_401", proven(diagnose.ReviewerUnauthorized), func(w *World) { w.OnKubernetes("", Answer(401, "", "")) }),
	twin("reviewer_token_missing", func(w *World) {
		w.DropReviewer()
		w.Target.Reviewer.TokenFile += ".gone"
	}),
	bare("reviewer_token_missing_empty", byElimination(diagnose.ReviewerTokenMissing), useText("")),
	bare("reviewer_token_missing_blank", byElimination(diagnose.ReviewerTokenMissing), useText(" \r\n\t")),
	bare("reviewer_token_missing_directory", byElimination(diagnose.ReviewerTokenMissing), func(w *World) {
		w.DropReviewer()
		w.Target.Reviewer.TokenFile = os.TempDir()
	}),
	twin("reviewer_token_malformed", func(w *World) { useText(`"` + w.Reviewer.String() + `"`)(w) }),
	bare("reviewer_token_malformed_binary", byElimination(diagnose.ReviewerTokenMalformed), useText(strings.Repeat("\xff", 9))),
	bare("reviewer_token_malformed_typographic_quotes", byElimination(diagnose.ReviewerTokenMalformed), useText("“eyJ"+Mark+"”")),
	bare("reviewer_token_malformed_line_break", byElimination(diagnose.ReviewerTokenMalformed), useText("eyJ"+Mark+"\neyJ"+Mark)),
	twin("reviewer_drift", (*World).DropReviewer),
	twin("reviewer_drift_forbidden", (*World).otherReviewer),
	differs("reviewer_drift_accessreview", byElimination(diagnose.VaultToKubernetesFailed), proven(diagnose.ReviewerDrift), func(w *World) {
		accessReview(w)
		w.DropReviewer()
	}),
	differs("reviewer_drift_accessreview_forbidden", byElimination(diagnose.VaultToKubernetesFailed), proven(diagnose.ReviewerDrift), func(w *World) {
		accessReview(w)
		w.otherReviewer()
	}),
	{Name: "reviewer_drift_other_host", Full: Verdict{diagnose.ReviewerDrift, diagnose.ByElimination, diagnose.MountHostDiffers},
		Arrange: mountAt(func(w *World) string { return w.Serve(newKubernetes(), w.kubernetesCA, nil) })},
	{Name: "reviewer_drift_authorizer_failed", Full: byElimination(diagnose.ReviewerDrift), Arrange: func(w *World) {
		w.otherReviewer()
		w.OnKubernetes("subjectaccessreviews", JSON(201, `{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","status":{"allowed":false,"evaluationError":"no answer"}}`))
	}},
	{Name: "reviewer_drift_accessreview_other", Full: proven(diagnose.ReviewerDrift), Arrange: func(w *World) {
		accessReview(w)
		unbound()(w)
		w.otherReviewer()
	}},
	{Name: "unexplained_stale_copy", Full: byElimination(diagnose.Unexplained), Arrange: func(w *World) {
		w.SetReviewer(expiredYesterday(w.Reviewer)) // Vault has a good one
		disableEntity(w)
		w.OnVault("identity/lookup/entity", Refuse(403, denied.ofToken()))
	}},
	full("canary_entity_disabled_stale_copy", proven(diagnose.CanaryEntityDisabled), func(w *World) {
		w.SetReviewer(expiredYesterday(w.Reviewer))
		disableEntity(w)
	}),
	full("reviewer_unauthorized_unheard", proven(diagnose.ReviewerUnauthorized), func(w *World) {
		w.DropReviewer()
		w.OnKubernetes("", func(rw http.ResponseWriter, r *http.Request) { // Vault gets through
			if r.UserAgent() != pluginAgent {
				HTML(503)(rw, r)
				return
			}
			w.Kubernetes.routes.ServeHTTP(rw, r)
		})
	}),
	twin("reviewer_drift_unset", withConfig(func(c *Config) { c.ReviewerJWT = "" })),
	bare("reviewer_drift_by_config", byElimination(diagnose.ReviewerDrift), func(w *World) {
		w.DropReviewer()
		w.Readable()
	}),
}

// otherReviewer stores in Vault the token of an account that has no permissions.
func (w *World) otherReviewer() {
	other := accountToken("vault", "other", APIServerAudience)
	w.Kubernetes.Change(func(k *Kubernetes) { k.Accounts["vault/other"] = other.UID })
	w.StoreReviewer(other.String())
}

// unbound removes the reviewer's grants, except these.
func unbound(left ...string) func(*World) {
	return func(w *World) {
		w.Kubernetes.Change(func(k *Kubernetes) { k.Grants[w.Reviewer.username()] = left })
	}
}

// useReviewer puts a modified reviewer token into both Vault and the file.
func useReviewer(change func(*World, *Token)) func(*World) {
	return func(w *World) {
		token := w.Reviewer
		change(w, &token)
		w.SetReviewer(token)
		w.StoreReviewer(token.String())
	}
}

// useUser puts a modified token of a user of an identity provider into both Vault and the file. The user may
// do nothing.
func useUser(change func(*World, *Token)) func(*World) {
	return func(w *World) {
		w.Kubernetes.Change(func(k *Kubernetes) { k.Users = &IdentityProvider{Issuer: userIssuer, Audience: userAudience} })
		useReviewer(func(w *World, t *Token) {
			t.Key, t.Issuer, t.Audiences = otherKey(), userIssuer, []string{userAudience}
			t.Claims = map[string]any{"kubernetes.io": nil, "sub": userSubject}
			if change != nil {
				change(w, t)
			}
		})(w)
	}
}

// useText puts a text that is not a token into both Vault and the file.
func useText(text string) func(*World) {
	return func(w *World) {
		w.SetReviewerText(text)
		w.Config(func(c *Config) { c.ReviewerJWT = text })
	}
}

// legacy changes the token to one in a Secret, and creates the Secret.
func legacy(w *World, t *Token) {
	t.Legacy, t.Secret = true, t.Name+"-token"
	w.Kubernetes.Change(func(k *Kubernetes) { k.Secrets[t.Namespace+"/"+t.Secret] = t.String() })
}

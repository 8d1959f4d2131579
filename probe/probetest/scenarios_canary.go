package probetest

import (
	"net/http"
	"os"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

var canaryScenarios = []Scenario{
	twin("canary_token_missing", func(w *World) { w.Target.Canary.TokenFile += ".gone" }),
	bare("canary_token_missing_empty", proven(diagnose.CanaryTokenMissing), canaryFile("")),
	bare("canary_token_missing_blank", proven(diagnose.CanaryTokenMissing), canaryFile("\n \n")),
	bare("canary_token_missing_directory", proven(diagnose.CanaryTokenMissing), func(w *World) { w.Target.Canary.TokenFile = os.TempDir() }),
	twin("canary_token_malformed", canaryFile(`"eyJ`+Mark+`"`)),
	bare("canary_token_malformed_line_break", proven(diagnose.CanaryTokenMalformed), canaryFile("eyJ"+Mark+"\r\neyJ"+Mark)),
	bare("canary_token_malformed_no_jwt", proven(diagnose.CanaryTokenMalformed), canaryFile(Mark)),
	twin("canary_expired", useCanary(func(t *Token) { *t = expiredYesterday(*t) })),
	same("canary_expired_in_cache", byElimination(diagnose.CanaryExpired), func(w *World) {
		useCanary(func(t *Token) { t.Expires = time.Now().Add(-65 * time.Second) })(w)
		reviewSays(`{"authenticated":true,"audiences":["vault"],"user":{"username":"system:serviceaccount:monitoring:canary","uid":"uid-of-canary"}}`)(w)
	}),
	bare("canary_expired_by_another_clock", byElimination(diagnose.CanaryExpired), reviewSays(`{"error":"[invalid bearer token, service account token has expired]"}`)),
	bare("canary_not_yet_valid_by_another_clock", byElimination(diagnose.CanaryNotYetValid), reviewSays(`{"error":"[invalid bearer token, service account token is issued in the future]"}`)),
	bare("canary_revoked_contradicted", byElimination(diagnose.CanaryRevoked),
		reviewSays(`{"error":"[invalid bearer token, service account token has been invalidated, invalid signature, no keys found]"}`)),
	twin("canary_not_yet_valid", useCanary(func(t *Token) { t.NotBefore = time.Now().Add(24 * time.Hour) })),
	twin("canary_wrong_cluster", useCanary(func(t *Token) { t.Key, t.Issuer = otherKey(), "https://other.example" })),
	twin("canary_wrong_cluster_key", useCanary(func(t *Token) { t.Key = otherKey() })),
	bare("canary_wrong_cluster_cut", byElimination(diagnose.CanaryWrongCluster), func(w *World) {
		whole := w.Canary.String()
		w.Target.Canary.TokenFile = w.tokenFile("canary-token", whole[:len(whole)-8])
	}),
	same("canary_revoked_annotations", byElimination(diagnose.CanaryRevoked),
		onLogin(500, `failed to get service account (code 404 status serviceaccounts "canary" not found)`)),
	twin("canary_revoked", useCanary(func(t *Token) { t.Pod = "canary-0" })),
	twin("canary_revoked_secret", useCanary(func(t *Token) { t.Secret = "canary-token" })),
	twin("canary_revoked_account_deleted", func(w *World) {
		w.Kubernetes.Change(func(k *Kubernetes) { delete(k.Accounts, "monitoring/canary") })
	}),
	twin("canary_revoked_account_recreated", func(w *World) {
		w.Kubernetes.Change(func(k *Kubernetes) { k.Accounts["monitoring/canary"] = "another" })
	}),
	bare("canary_revoked_not_minted", proven(diagnose.CanaryRevoked), func(w *World) {
		w.MintCanary()
		w.Target.Canary.ServiceAccount.Name = "gone"
	}),
	twin("canary_wrong_audience", func(w *World) {
		w.Target.Canary.Audiences = []string{"vault"}
		useCanary(func(t *Token) { t.Audiences = []string{"elsewhere"} })(w)
	}),
	twin("canary_wrong_audience_self_review", func(w *World) {
		w.Config(func(c *Config) { c.ReviewerJWT = "" })
		w.Target.Reviewer = evidence.Origin{Source: evidence.SourceCanary}
	}),
	differs("canary_revoked_self_review", byElimination(diagnose.CanaryRejected), proven(diagnose.CanaryRevoked), func(w *World) {
		selfReview(w)
		w.Kubernetes.Change(func(k *Kubernetes) { delete(k.Accounts, "monitoring/canary") })
	}),
	bare("canary_revoked_self_review_eks", byElimination(diagnose.CanaryRevoked), func(w *World) {
		selfReview(w)
		canary := w.Canary
		canary.Issuer, canary.Pod = "https://oidc.eks.eu-central-1.amazonaws.com/id/ABCD", "gone"
		w.SetCanary(canary)
	}),
	bare("canary_wrong_cluster_openshift", proven(diagnose.CanaryWrongCluster), reviewSays(`{"error":"[invalid bearer token, token lookup failed]"}`)),
	bare("canary_wrong_cluster_eks", proven(diagnose.CanaryWrongCluster), reviewSays(`{"error":"[invalid bearer token, unknown]"}`)),
	bare("canary_rejected", proven(diagnose.CanaryRejected), reviewSays(`{"authenticated":true,"audiences":["vault"],"user":{"username":"oidc:somebody"}}`)),
	bare("canary_rejected_with_error", byElimination(diagnose.CanaryRejected),
		reviewSays(`{"authenticated":true,"error":"not on the list","audiences":["vault"],"user":{"username":"system:serviceaccount:monitoring:canary","uid":"uid-of-canary"}}`)),
	bare("canary_rejected_unknown_text", byElimination(diagnose.CanaryRejected), reviewSays(`{"error":"[invalid bearer token, the token has expired from the allow list]"}`)),
	bare("canary_revoked_among_others", proven(diagnose.CanaryRevoked), reviewSays(`{"error":"[invalid bearer token, Token has been invalidated, unknown]"}`)),
	bare("kubernetes_unavailable_not_minted", byElimination(diagnose.KubernetesUnavailable), func(w *World) {
		w.MintCanary()
		w.OnKubernetes("token", HTML(503))
	}),
	notMinted("kubernetes_bad_response_not_minted", JSON(201, `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","status":{}}`)),
	notMinted("kubernetes_bad_response_not_minted_path", Status(404, "NotFound", "the server could not find the requested resource")),
	notMinted("kubernetes_bad_response_not_minted_cluster", Status(404, "NotFound", `clusters.management.cattle.io "c-x" not found`)),
}

// notMinted has the exporter mint the canary's token, and something answer that mints none.
func notMinted(name string, answer http.HandlerFunc) Scenario {
	return bare(name, byElimination(diagnose.KubernetesBadResponse), func(w *World) {
		w.MintCanary()
		w.OnKubernetes("token", answer)
	})
}

func useCanary(change func(*Token)) func(*World) {
	return func(w *World) {
		token := w.Canary
		change(&token)
		w.SetCanary(token)
	}
}

func canaryFile(content string) func(*World) {
	return func(w *World) { w.Target.Canary.TokenFile = w.File("canary-token", content) }
}

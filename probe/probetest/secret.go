package probetest

import (
	"encoding/base64"
	"net/http"
	"strings"

	"vault-k8s-auth-exporter/probe"
)

// ReviewerInSecret has the reviewer's token in a Secret of the exporter's own cluster,
// which the exporter may read. Here that is the cluster of the target.
func (w *World) ReviewerInSecret(key, content string) {
	w.Identity()
	w.Target.Home = w.Target.Kubernetes
	w.Target.Reviewer = probe.Reviewer{
		Source: probe.SourceSecret,
		Secret: probe.SecretKey{Namespace: "vault", Name: "vault-auth-token", Key: "token"},
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(content))
	w.OnSecret(JSON(200, `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"vault-auth-token"},"data":{"`+key+`":"`+encoded+`"}}`))
}

// OnSecret has a handler answer the reading of the reviewer's Secret, and nothing
// else that is asked of Secrets.
func (w *World) OnSecret(answer http.HandlerFunc) {
	w.OnKubernetes("vault-auth-token", func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/api/v1/namespaces/vault/secrets/vault-auth-token" || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
			writeStatus(rw, 405, "MethodNotAllowed", "only this Secret may be read, by name")
			return
		}
		answer(rw, r)
	})
}

func secretIs(key, content string, more ...func(*World)) func(*World) {
	return func(w *World) {
		w.ReviewerInSecret(key, content)
		for _, change := range more {
			change(w)
		}
	}
}

func secretSays(code int, reason, message string) func(*World) {
	return func(w *World) {
		w.OnSecret(func(rw http.ResponseWriter, _ *http.Request) { writeStatus(rw, code, reason, message) })
	}
}

const secretForbidden = `secrets "vault-auth-token" is forbidden: User "system:serviceaccount:monitoring:vault-k8s-auth-exporter" cannot get resource "secrets"`

// secretScenarios have the reviewer's token in a Secret. What the exporter itself may
// not read is a gap; so is another cluster that is down.
var secretScenarios = []Scenario{
	{Name: "healthy_secret", Reason: none, Reviewer: none, Arrange: func(w *World) { w.ReviewerInSecret("token", w.Reviewer.String()+"\n") }},
	{Name: "reviewer_drift_secret", Reason: probe.ReviewerDrift, Reviewer: none, Certainty: eliminated, Arrange: func(w *World) {
		w.ReviewerInSecret("token", w.Reviewer.String())
		w.DropReviewer()
		w.Readable(nil)
	}},
	{Name: "reviewer_token_missing_secret", Reason: probe.ReviewerTokenMissing, Reviewer: probe.ReviewerTokenMissing, Certainty: eliminated,
		Arrange: secretIs("token", "", (*World).DropReviewer, secretSays(404, "NotFound", `secrets "vault-auth-token" not found`))},
	{Name: "reviewer_token_missing_secret_key", Reason: probe.ReviewerTokenMissing, Reviewer: probe.ReviewerTokenMissing, Certainty: eliminated,
		Arrange: secretIs("jwt", Mark, (*World).DropReviewer)},
	{Name: "reviewer_token_missing_secret_empty", Reason: probe.ReviewerTokenMissing, Reviewer: probe.ReviewerTokenMissing, Certainty: eliminated,
		Arrange: secretIs("token", "", (*World).DropReviewer)},
	{Name: "reviewer_token_malformed_secret", Reason: probe.ReviewerTokenMalformed, Reviewer: probe.ReviewerTokenMalformed, Certainty: eliminated,
		Arrange: secretIs("token", `"eyJ`+Mark+`"`, (*World).DropReviewer)},
	{Name: "reviewer_not_checked_secret", Reason: none, Warnings: []probe.WarningCode{probe.ReviewerNotChecked},
		Arrange: secretIs("token", "", secretSays(403, "Forbidden", secretForbidden))},
	{Name: "reviewer_not_checked_secret_no_identity", Reason: none, Warnings: []probe.WarningCode{probe.ReviewerNotChecked},
		Arrange: secretIs("token", "", func(w *World) { w.Target.Home.TokenFile += ".gone" })},
	{Name: "reviewer_not_checked_secret_elsewhere", Reason: none, Warnings: []probe.WarningCode{probe.ReviewerNotChecked},
		Arrange: secretIs("token", "", func(w *World) { w.Target.Home.Host = "https://" + w.Refused() })},
	kubernetesDown("kubernetes_unreachable_secret", probe.KubernetesUnreachable,
		secretIs("token", "", func(w *World) { w.OnKubernetes("vault-auth-token", Close) })),
	{Name: "kubernetes_unreachable_from_exporter_secret", Reason: none, Reviewer: probe.KubernetesUnreachable,
		Warnings: []probe.WarningCode{probe.KubernetesUnreachableFromExporter},
		Arrange:  secretIs("token", "", func(w *World) { w.OnKubernetes("vault-auth-token", Close) })},
	{Name: "kubernetes_unavailable_secret", Reason: probe.KubernetesUnavailable, Reviewer: probe.KubernetesUnavailable, Certainty: eliminated,
		Arrange: secretIs("token", "", (*World).DropReviewer, secretSays(503, "ServiceUnavailable", "etcd is down"))},
}

package probetest

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// ReviewerInSecret puts the reviewer's token into a Secret in the exporter's own cluster,
// which the exporter may read. In the world, that is the cluster of the target.
// It has these labels, as names and values.
func (w *World) ReviewerInSecret(key, content string, labels ...string) {
	w.Identity()
	w.Target.Home = w.Target.Kubernetes
	w.Target.Reviewer = evidence.Origin{
		Source: evidence.SourceSecret,
		Secret: evidence.SecretKey{Namespace: "vault", Name: "vault-auth-token", Key: "token"},
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(content))
	set := []string{}
	for pair := range slices.Chunk(labels, 2) {
		set = append(set, `"`+pair[0]+`":"`+pair[1]+`"`)
	}
	w.OnSecret(JSON(200, `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"vault-auth-token","labels":{`+strings.Join(set, ",")+`}},"data":{"`+key+`":"`+encoded+`"}}`))
}

// OnSecret sets the handler for reading the reviewer's Secret. Other requests for Secrets
// fail.
func (w *World) OnSecret(answer http.HandlerFunc) {
	w.OnKubernetes("secrets", func(rw http.ResponseWriter, r *http.Request) {
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

// secretScenarios have the reviewer's token in a Secret. If the exporter may not read it, or
// if the other cluster is down, the reviewer is not judged.
var secretScenarios = []Scenario{
	bare("healthy_secret", proven(none), func(w *World) { w.ReviewerInSecret("token", w.Reviewer.String()+"\n") }),
	bare("reviewer_revoked_secret_unused", proven(diagnose.ReviewerRevoked), func(w *World) {
		token := w.Reviewer
		legacy(w, &token)
		w.Kubernetes.Change(func(k *Kubernetes) { k.Unused[token.Namespace+"/"+token.Secret] = true })
		w.StoreReviewer(token.String())
		w.ReviewerInSecret("token", token.String(), "kubernetes.io/legacy-token-invalid-since", "2026-01-02")
	}),
	bare("reviewer_drift_secret", byElimination(diagnose.ReviewerDrift), func(w *World) {
		w.ReviewerInSecret("token", w.Reviewer.String())
		w.DropReviewer()
		w.Readable()
	}),
	bare("reviewer_token_missing_secret", byElimination(diagnose.ReviewerTokenMissing),
		secretIs("token", "", (*World).DropReviewer, secretSays(404, "NotFound", `secrets "vault-auth-token" not found`))),
	bare("reviewer_token_missing_secret_key", byElimination(diagnose.ReviewerTokenMissing), secretIs("jwt", Mark, (*World).DropReviewer)),
	bare("reviewer_token_missing_secret_empty", byElimination(diagnose.ReviewerTokenMissing), secretIs("token", "", (*World).DropReviewer)),
	bare("reviewer_token_malformed_secret", byElimination(diagnose.ReviewerTokenMalformed), secretIs("token", `"eyJ`+Mark+`"`, (*World).DropReviewer)),
	bare("reviewer_not_checked_secret", warned(diagnose.ReviewerNotChecked), secretIs("token", "", secretSays(403, "Forbidden", secretForbidden))),
	bare("reviewer_not_checked_secret_no_identity", warned(diagnose.ReviewerNotChecked),
		secretIs("token", "", func(w *World) { w.Target.Home.TokenFile += ".gone" })),
	bare("reviewer_not_checked_secret_elsewhere", warned(diagnose.ReviewerNotChecked),
		secretIs("token", "", func(w *World) { w.Target.Home.Host = "https://" + w.Refused() })),
	bare("kubernetes_unreachable_secret", byElimination(diagnose.KubernetesUnreachable),
		secretIs("token", "", (*World).DropReviewer, func(w *World) { w.OnKubernetes("secrets", Close) })),
	bare("kubernetes_unreachable_from_exporter_secret", warned(diagnose.KubernetesUnreachableFromExporter),
		secretIs("token", "", func(w *World) { w.OnKubernetes("secrets", Close) })),
	bare("kubernetes_unavailable_secret", byElimination(diagnose.KubernetesUnavailable),
		secretIs("token", "", (*World).DropReviewer, secretSays(503, "ServiceUnavailable", "etcd is down"))),
}

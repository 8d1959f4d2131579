package probetest

import (
	"net/http"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

var well = proven(none)

// healthyScenarios are worlds in which pods can log in: the most common configuration, and
// other valid ones.
var healthyScenarios = []Scenario{
	same("healthy", well, func(*World) {}),
	same("healthy_batch_token", well, withRole(func(r *Role) { r.Batch = true })),
	same("healthy_token_with_one_use", well, withRole(func(r *Role) { r.Uses = 1 })),
	same("healthy_token_with_few_uses", well, withRole(func(r *Role) { r.Uses = 3 })),
	same("healthy_token_with_enough_uses", well, withRole(func(r *Role) { r.Uses = 10 })),
	same("healthy_namespace_selector", well, func(w *World) {
		withRole(func(r *Role) { r.Namespaces, r.Selector = nil, map[string]string{"team": "sre"} })(w)
		w.Kubernetes.Change(func(k *Kubernetes) {
			user := w.Reviewer.username()
			k.Grants[user] = append([]string{"get namespaces"}, k.Grants[user]...)
		})
	}),
	same("healthy_standby", well, withVault(func(v *Vault) { v.Standby = true })),
	same("healthy_standby_behind_proxy", well, func(w *World) {
		w.Vault.Change(func(v *Vault) { v.Standby = true })
		w.OnVault("sys/health", func(rw http.ResponseWriter, r *http.Request) { // the proxy drops the query parameters
			r.URL.RawQuery = ""
			w.Vault.health(rw, r)
		})
	}),
	same("healthy_host_spelled_differently", well, func(w *World) {
		w.Config(func(c *Config) { c.Host = strings.Replace(c.Host, "https://", "HTTPS://", 1) + "/" })
	}),
	same("healthy_pem_keys", well, withConfig(func(c *Config) { c.PEMKeys = []string{clusterKey().PEM()} })),
	same("healthy_issuer_checked", well, withConfig(func(c *Config) { c.Issuer, c.DisableISSValidation = APIServerAudience, false })),
	same("healthy_legacy_reviewer", well, useReviewer(func(w *World, t *Token) { legacy(w, t) })),
	same("healthy_crlf", well, func(w *World) {
		w.Target.Canary.TokenFile = w.File("canary-token", "\r\n "+w.Canary.String()+"\r\n")
		w.SetReviewerText(w.Reviewer.String() + "\r\n")
	}),
	bare("healthy_minted", well, func(w *World) {
		w.MintCanary()
		w.Target.Reviewer = evidence.Origin{Source: evidence.SourceServiceAccount, ServiceAccount: w.Reviewer.account()}
	}),
	same("healthy_namespace", well, inNamespace(Enterprise, "", "team-a")),
	same("healthy_namespace_openbao", well, inNamespace(OpenBao, "", "team-a")),
	same("healthy_accessreview", well, accessReview),
	same("healthy_self_review", well, func(w *World) {
		selfReview(w)
		w.Kubernetes.Change(func(k *Kubernetes) { k.Grants[w.Canary.username()] = authDelegator })
	}),
}

func accessReview(w *World) {
	w.powerlessIdentity()
	w.Kubernetes.Change(func(k *Kubernetes) { k.Grants[exporterUser] = []string{"create subjectaccessreviews"} })
	w.Target.Reviewer = evidence.Origin{Source: evidence.SourceAccessReview, ServiceAccount: w.Reviewer.account()}
}

// selfReview removes the mount's reviewer: the canary's token, which the API server accepts
// too, reviews itself.
func selfReview(w *World) {
	w.Config(func(c *Config) { c.ReviewerJWT = "" })
	w.Target.Reviewer = evidence.Origin{Source: evidence.SourceCanary}
	canary := w.Canary
	canary.Audiences = []string{"vault", APIServerAudience}
	w.SetCanary(canary)
}

func withVault(change func(*Vault)) func(*World) {
	return func(w *World) { w.Vault.Change(change) }
}

func withMount(change func(*Mount)) func(*World) { return func(w *World) { w.Mount(change) } }

func withConfig(change func(*Config)) func(*World) { return func(w *World) { w.Config(change) } }

func withRole(change func(*Role)) func(*World) {
	return withMount(func(m *Mount) {
		role := m.Roles["canary"]
		change(&role)
		m.Roles["canary"] = role
	})
}

func onLogin(code int, text string) func(*World) {
	return func(w *World) { w.OnLogin(Refuse(code, text)) }
}

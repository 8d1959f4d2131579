package probetest

import (
	"fmt"
	"net/http"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// vaultToKubernetesScenarios have an API server that works, but that Vault does not
// reach.
var vaultToKubernetesScenarios = []Scenario{
	vaultAlone("vault_to_kubernetes_unreachable", func(w *World) string { return "https://" + w.Refused() }),
	vaultAlone("vault_to_kubernetes_unreachable_dns", func(*World) string { return "https://kubernetes..svc:6443" }),
	twin("vault_to_kubernetes_timeout", hanging(func(w *World) {
		w.Config(func(c *Config) { c.Host = "https://" + w.Silent() })
	})),
	same("vault_to_kubernetes_timeout_behind_standby", proven(diagnose.VaultToKubernetesTimeout), hanging(func(w *World) {
		w.Vault.Change(func(v *Vault) { v.Standby = true })
		w.Config(func(c *Config) { c.Host = "https://" + w.Silent() })
	})),
	{Name: "vault_to_kubernetes_timeout_handshake", Full: proven(diagnose.VaultToKubernetesTimeout), Arrange: func(w *World) {
		w.Mount(func(m *Mount) { m.Patience = time.Second }) // Vault times out first
		w.Config(func(c *Config) { c.Host = "https://" + w.Silent() })
	}},
	twin("vault_to_kubernetes_proxy", func(w *World) {
		mountAt(func(*World) string { return "https://kubernetes.default.svc" })(w)
		vaultThrough(proxyAnswering(HTML(403)))(w)
	}),
	ofVaultsProxy("vault_to_kubernetes_proxy_password", proxyAnswering(HTML(407))),
	ofVaultsProxy("vault_to_kubernetes_proxy_unavailable", proxyAnswering(HTML(503))),
	ofVaultsProxy("vault_to_kubernetes_proxy_unreachable", func(w *World) string { return "http://" + w.Refused() }),
	ofVaultsProxy("vault_to_kubernetes_proxy_dns", func(*World) string { return "http://proxy..svc:3128" }),
	ofVaultsProxy("vault_to_kubernetes_proxy_socks", func(w *World) string { return "socks5://" + w.Refused() }),
	same("healthy_vault_through_proxy", well, vaultThrough(proxyAnswering(connect))),
	otherCA("vault_to_kubernetes_tls", "other"),
	otherCA("vault_to_kubernetes_tls_other_cluster", "kubernetes"),
	{Name: "vault_to_kubernetes_tls_by_config", Arrange: func(w *World) {
		w.Readable()
		w.Config(func(c *Config) { c.CACert = newAuthority("other").PEM() })
	}, Bare: Verdict{diagnose.VaultToKubernetesTLS, diagnose.ByElimination, diagnose.MountCAMismatch}},
	full("vault_to_kubernetes_tls_besides_reviewer", Verdict{diagnose.VaultToKubernetesTLS, diagnose.Proven, diagnose.MountCAMismatch}, func(w *World) {
		w.SetReviewer(expiredYesterday(w.Reviewer))
		w.Config(func(c *Config) { c.CACert = newAuthority("other").PEM() })
	}),
	vaultAlone("vault_to_kubernetes_tls_name", func(w *World) string { return w.Serve(w.Kubernetes, w.kubernetesCA, elsewhere) }),
	vaultAlone("vault_to_kubernetes_tls_plain", func(w *World) string { return "https://" + w.ServePlain(w.Kubernetes) }),
	vaultAlone("vault_to_kubernetes_misconfigured", func(*World) string { return "127.0.0.1:6443" }),
	notAPIServer("vault_to_kubernetes_misconfigured_no_port", func(*World) string { return "localhost" }),
	vaultAlone("vault_to_kubernetes_misconfigured_not_apiserver", func(w *World) string { return w.Serve(HTML(200), w.kubernetesCA, nil) }),
	notAPIServer("vault_to_kubernetes_misconfigured_html_404", func(w *World) string { return w.Serve(HTML(404), w.kubernetesCA, nil) }),
	notAPIServer("vault_to_kubernetes_misconfigured_other_json", func(w *World) string { return w.Serve(JSON(404, `{"errors":[]}`), w.kubernetesCA, nil) }),
	notAPIServer("vault_to_kubernetes_misconfigured_path", func(w *World) string { return w.Target.Kubernetes.Host + "/k8s/clusters/c-x" }),
	bare("vault_to_kubernetes_misconfigured_by_config", proven(diagnose.VaultToKubernetesMisconfigured), func(w *World) {
		w.Readable()
		w.Config(func(c *Config) { c.Host = "127.0.0.1:6443" })
	}),
	vaultAlone("vault_to_kubernetes_failed", func(w *World) string {
		return w.Serve(Status(503, "ServiceUnavailable", "apiserver is shutting down"), w.kubernetesCA, nil)
	}),
	full("vault_to_kubernetes_failed_self_review", byElimination(diagnose.VaultToKubernetesFailed), func(w *World) {
		selfReview(w)
		w.Kubernetes.Change(func(k *Kubernetes) { k.Grants[w.Canary.username()] = authDelegator })
		mountAt(func(w *World) string {
			return w.Serve(Status(503, "ServiceUnavailable", "apiserver is shutting down"), w.kubernetesCA, nil)
		})(w)
	}),
	answersVault("vault_to_kubernetes_failed_answered_timeout", 504, "Timeout", "Timeout: request did not complete within requested timeout"),
	answersVault("vault_to_kubernetes_failed_answered_dns", 500, "InternalError", `Internal error occurred: Post "https://authn.svc/": dial tcp: lookup authn.svc: no such host`),
	answersVault("vault_to_kubernetes_failed_answered_tls", 503, "ServiceUnavailable", "x509: certificate has expired or is not yet valid"),
	{Name: "vault_to_kubernetes_failed_gateway", Full: proven(diagnose.VaultToKubernetesFailed),
		Arrange: mountAt(func(w *World) string { return w.Serve(JSON(502, `{"error":"bad gateway"}`), w.kubernetesCA, nil) })},
	{Name: "vault_to_kubernetes_failed_between", Full: byElimination(diagnose.VaultToKubernetesFailed), Arrange: func(w *World) {
		w.DropReviewer()
		w.onRole("diagnostic", Refuse(403, "namespace not authorized err=failed to parse error status on namespace retrieval failure err=invalid character '<' looking for beginning of value"))
	}},
	same("vault_to_kubernetes_failed_selector", byElimination(diagnose.VaultToKubernetesFailed),
		onLogin(403, "namespace not authorized err=failed to get namespace (code 403 status Access denied by policy)")),
	same("vault_to_kubernetes_failed_annotations", byElimination(diagnose.VaultToKubernetesFailed),
		onLogin(500, "failed to get service account (code 500 status etcdserver: request timed out)")),
	same("vault_to_kubernetes_timeout_annotations", byElimination(diagnose.VaultToKubernetesTimeout),
		onLogin(500, `Get "https://10.0.0.1/api/v1/namespaces/monitoring/serviceaccounts/canary": dial tcp 10.0.0.1:443: i/o timeout`)),
	bare("vault_to_kubernetes_failed_diagnostic_role_missing", byElimination(diagnose.VaultToKubernetesFailed), func(w *World) {
		w.DropReviewer()
		w.Target.Vault.DiagnosticRole = "no-such-role"
	}),
}

// accessReviewScenarios use the source accessreview, which is the recommended mode inside a
// cluster: the exporter has no reviewer token, and Vault uses its own pod's token.
var accessReviewScenarios = []Scenario{
	bare("vault_to_kubernetes_timeout_accessreview", proven(diagnose.VaultToKubernetesTimeout), hanging(func(w *World) {
		accessReview(w)
		w.Config(func(c *Config) { c.Host = "https://" + w.Silent() })
	})),
	bare("vault_to_kubernetes_tls_accessreview", Verdict{diagnose.VaultToKubernetesTLS, diagnose.ByElimination, diagnose.MountCAMismatch}, inAccessReview(func(w *World) {
		w.Config(func(c *Config) { c.CACert = newAuthority("other").PEM() })
	})),
	bare("vault_to_kubernetes_misconfigured_accessreview", proven(diagnose.VaultToKubernetesMisconfigured), inAccessReview(func(w *World) {
		w.Config(func(c *Config) { c.Host = "127.0.0.1:6443" })
	})),
	bare("vault_to_kubernetes_failed_accessreview_host", byElimination(diagnose.VaultToKubernetesFailed), inAccessReview(func(w *World) {
		w.Config(func(c *Config) { c.Host = "https://" + w.Refused() })
	})),
	bare("reviewer_drift_accessreview_unset", byElimination(diagnose.ReviewerDrift), inAccessReview(func(w *World) {
		w.Config(func(c *Config) { c.ReviewerJWT = "" })
	})),
	bare("reviewer_drift_accessreview_stored", byElimination(diagnose.ReviewerDrift), inAccessReview((*World).DropReviewer)),
	bare("reviewer_drift_accessreview_unbound", byElimination(diagnose.ReviewerDrift), inAccessReview(func(w *World) {
		unbound()(w)
		w.DropReviewer()
	})),
	bare("vault_to_kubernetes_failed_accessreview_unchecked",
		Verdict{diagnose.VaultToKubernetesFailed, diagnose.ByElimination, diagnose.ReviewerNotChecked}, func(w *World) {
			accessReview(w)
			w.powerlessIdentity()
			w.DropReviewer()
		}),
	full("canary_rejected_accessreview", byElimination(diagnose.CanaryRejected), func(w *World) {
		accessReview(w)
		w.Kubernetes.Change(func(k *Kubernetes) { delete(k.Accounts, "monitoring/canary") })
	}),
	bare("canary_revoked_accessreview", proven(diagnose.CanaryRevoked), func(w *World) {
		accessReview(w)
		w.Kubernetes.Change(func(k *Kubernetes) {
			k.Grants[exporterUser] = append([]string{"create subjectaccessreviews"}, authDelegator...)
			delete(k.Accounts, "monitoring/canary")
		})
	}),
}

func inAccessReview(arrange func(*World)) func(*World) {
	return func(w *World) {
		accessReview(w)
		w.Readable()
		arrange(w)
	}
}

// vaultAlone points the mount, but not the exporter, at another host.
func vaultAlone(name string, host func(*World) string) Scenario { return twin(name, mountAt(host)) }

// vaultThrough makes Vault use a proxy.
func vaultThrough(proxy func(*World) string) func(*World) {
	return func(w *World) {
		at := proxy(w)
		w.Mount(func(m *Mount) { m.Proxy = at })
	}
}

// ofVaultsProxy makes Vault use a proxy that does not let it through.
func ofVaultsProxy(name string, proxy func(*World) string) Scenario {
	return differs(name, byElimination(diagnose.VaultToKubernetesFailed), proven(diagnose.VaultToKubernetesProxy), vaultThrough(proxy))
}

// answersVault has what the mount points at answer Vault with an error that quotes another
// connection's.
func answersVault(name string, code int, reason, message string) Scenario {
	return differs(name, byElimination(diagnose.VaultToKubernetesFailed), proven(diagnose.VaultToKubernetesFailed),
		mountAt(func(w *World) string { return w.Serve(Status(code, reason, message), w.kubernetesCA, nil) }))
}

// notAPIServer points the mount at a server that is not an API server.
func notAPIServer(name string, host func(*World) string) Scenario {
	return differs(name, byElimination(diagnose.VaultToKubernetesFailed), proven(diagnose.VaultToKubernetesMisconfigured), mountAt(host))
}

func mountAt(host func(*World) string) func(*World) {
	return func(w *World) {
		at := host(w)
		w.Config(func(c *Config) { c.Host = at })
	}
}

// otherCA puts a new CA of this name into the mount's config.
func otherCA(name, ca string) Scenario {
	return twin(name, withConfig(func(c *Config) { c.CACert = newAuthority(ca).PEM() }))
}

// kubernetesScenarios have an API server that fails for the exporter and for Vault alike.
var kubernetesScenarios = []Scenario{
	twin("kubernetes_dns", func(w *World) { w.KubernetesAt("https://kubernetes..svc:6443") }),
	twin("kubernetes_unreachable", func(w *World) { w.KubernetesAt("https://" + w.Refused()) }),
	differs("kubernetes_unreachable_closed_at_once", byElimination(diagnose.KubernetesUnreachable), proven(diagnose.KubernetesUnreachable), func(w *World) { w.OnKubernetes("", Close) }),
	twin("kubernetes_timeout", hanging(func(w *World) { w.KubernetesAt("https://" + w.Silent()) })),
	same("kubernetes_timeout_before_header", proven(diagnose.KubernetesTimeout), hanging(func(w *World) { w.OnKubernetes("", Hang) })),
	same("kubernetes_timeout_after_header", proven(diagnose.KubernetesTimeout), hanging(func(w *World) { w.OnKubernetes("", HangAfterHeader) })),
	same("kubernetes_timeout_in_body", proven(diagnose.KubernetesTimeout), hanging(func(w *World) { w.OnKubernetes("", HangInBody) })),
	twin("kubernetes_tls_untrusted", func(w *World) {
		w.KubernetesAt(w.Serve(w.Kubernetes, newAuthority("other"), nil))
	}),
	twin("kubernetes_tls_expired", func(w *World) { w.KubernetesAt(w.Serve(w.Kubernetes, w.kubernetesCA, expired)) }),
	twin("kubernetes_tls_name", func(w *World) { w.KubernetesAt(w.Serve(w.Kubernetes, w.kubernetesCA, elsewhere)) }),
	twin("kubernetes_tls_failed", func(w *World) { w.KubernetesAt("https://" + w.ServePlain(w.Kubernetes)) }),
	twin("kubernetes_bad_response", func(w *World) { w.OnKubernetes("", HTML(200)) }),
	differs("kubernetes_bad_response_waf", byElimination(diagnose.KubernetesBadResponse), proven(diagnose.KubernetesBadResponse), func(w *World) { w.OnKubernetes("", HTML(403)) }),
	differs("kubernetes_bad_response_login_page", byElimination(diagnose.KubernetesBadResponse), proven(diagnose.KubernetesBadResponse), func(w *World) { w.OnKubernetes("", HTML(401)) }),
	bare("kubernetes_bad_response_proxy_401", byElimination(diagnose.KubernetesBadResponse), func(w *World) {
		w.OnKubernetes("", JSON(401, `{"type":"error","status":"401","message":"must authenticate"}`))
	}),
	same("kubernetes_bad_response_redirect", byElimination(diagnose.KubernetesBadResponse), func(w *World) { w.OnKubernetes("", Redirect(302, "https://sso..example/")) }),
	same("kubernetes_bad_response_huge", byElimination(diagnose.KubernetesBadResponse), func(w *World) { w.OnKubernetes("", Huge) }),
	differs("kubernetes_bad_response_wrong_json", byElimination(diagnose.KubernetesBadResponse), proven(diagnose.KubernetesBadResponse), func(w *World) { w.OnKubernetes("", JSON(201, `{"status":{}}`)) }),
	same("kubernetes_bad_response_cut", byElimination(diagnose.KubernetesBadResponse), func(w *World) { w.OnKubernetes("", CutInBody) }),
	differs("kubernetes_bad_response_404", byElimination(diagnose.KubernetesBadResponse), proven(diagnose.KubernetesBadResponse), func(w *World) { w.OnKubernetes("", Answer(404, "text/plain", "404 page not found")) }),
	twin("kubernetes_throttled", func(w *World) {
		w.OnKubernetes("", Answer(429, "text/plain", "Too many requests, please try again later.", "Retry-After", "1"))
	}),
	same("kubernetes_throttled_proxy", byElimination(diagnose.KubernetesThrottled), func(w *World) { w.OnKubernetes("", HTML(429)) }),
	twin("kubernetes_unavailable", func(w *World) {
		w.OnKubernetes("", Status(503, "ServiceUnavailable", "apiserver is shutting down"))
	}),
	same("kubernetes_unavailable_proxy", byElimination(diagnose.KubernetesUnavailable), func(w *World) { w.OnKubernetes("", HTML(503)) }),
	bare("kubernetes_unavailable_webhook", proven(diagnose.KubernetesUnavailable), reviewSays(`{"error":"[invalid bearer token, context deadline exceeded]"}`)),
	bare("kubernetes_unavailable_admission", proven(diagnose.KubernetesUnavailable), func(w *World) {
		w.OnKubernetes("tokenreviews", Status(403, "Forbidden", `admission webhook "validation.gatekeeper.sh" denied the request: [all-must-have-owner] you must provide labels: {"owner"}`))
	}),
	webhookSays("kubernetes_unavailable_webhook_certificate", `Post \"https://authn.svc/\": tls: failed to verify certificate: x509: certificate has expired or is not yet valid`),
	webhookSays("kubernetes_unavailable_webhook_refused", `Post \"https://authn.svc/\": dial tcp 10.0.0.7:443: connect: connection refused`),
	webhookSays("kubernetes_unavailable_webhook_dns", `Get \"https://issuer.example/\": dial tcp: lookup issuer.example: no such host`),
	webhookSays("kubernetes_unavailable_webhook_404", `webhook: unexpected status 404 Not Found`),
	webhookSays("kubernetes_unavailable_etcd", `etcdserver: request timed out, possibly due to previous leader failure`),
	bare("kubernetes_bad_response_anonymous", byElimination(diagnose.KubernetesBadResponse), func(w *World) { w.OnKubernetes("", refusesAs("system:anonymous")) }),
	{Name: "kubernetes_dns_vault_refused", Full: byElimination(diagnose.KubernetesDNS), Arrange: func(w *World) {
		w.Target.Kubernetes.Host = "https://kubernetes..svc:6443"
		w.Config(func(c *Config) { c.Host = "https://" + w.Refused() })
	}},
	{Name: "kubernetes_tls_untrusted_vault_name", Full: byElimination(diagnose.KubernetesTLSUntrusted), Arrange: func(w *World) {
		w.Target.Kubernetes.CACert = w.File("ca.crt", newAuthority("other").PEM())
		w.Config(func(c *Config) { c.Host = w.Serve(w.Kubernetes, w.kubernetesCA, elsewhere) })
	}},
	bare("reviewer_forbidden_behind_proxy", byElimination(diagnose.ReviewerForbidden), func(w *World) {
		w.OnKubernetes("", refusesAs("system:serviceaccount:cattle:proxy"))
	}),
	bare("kubernetes_bad_response_no_status", byElimination(diagnose.KubernetesBadResponse), reviewSays(`{}`)),
	accessSays("kubernetes_bad_response_no_access", diagnose.KubernetesBadResponse, `{}`),
	accessSays("kubernetes_unavailable_authorizer", diagnose.KubernetesUnavailable, `{"allowed":false,"evaluationError":"Post \"https://authz.svc/\": context deadline exceeded"}`),
	same("kubernetes_unavailable_other_audiences", proven(diagnose.KubernetesUnavailable),
		reviewSays(`{"authenticated":true,"audiences":["elsewhere"],"user":{"username":"system:serviceaccount:monitoring:canary","uid":"uid-of-canary"}}`)),
	bare("kubernetes_unavailable_no_audiences", proven(diagnose.KubernetesUnavailable),
		reviewSays(`{"authenticated":true,"user":{"username":"system:serviceaccount:monitoring:canary","uid":"uid-of-canary"}}`)),
}

// refusesAs refuses whatever is asked, to a user that the token does not name.
func refusesAs(user string) http.HandlerFunc {
	return Status(403, "Forbidden", fmt.Sprintf("tokenreviews.authentication.k8s.io is forbidden: User %q cannot create resource \"tokenreviews\" "+
		"in API group \"authentication.k8s.io\" at the cluster scope", user))
}

// accessSays has every SubjectAccessReview end in this status.
func accessSays(name string, reason diagnose.Reason, status string) Scenario {
	return bare(name, byElimination(reason), func(w *World) {
		accessReview(w)
		w.DropReviewer()
		w.OnKubernetes("subjectaccessreviews", JSON(201, `{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","status":`+status+`}`))
	})
}

// webhookSays makes an authentication webhook fail with this text, while the API server's
// own authenticators do not know the token.
func webhookSays(name, text string) Scenario {
	return bare(name, byElimination(diagnose.KubernetesUnavailable), reviewSays(`{"error":"[invalid bearer token, `+text+`]"}`))
}

// reviewSays makes every TokenReview return this status, which a webhook can cause.
func reviewSays(result string) func(*World) {
	return func(w *World) {
		w.OnKubernetes("tokenreviews", JSON(201, `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","status":`+result+`}`))
	}
}

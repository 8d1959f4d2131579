package probetest

import "vault-k8s-auth-exporter/probe"

// vaultToKubernetesScenarios are an API server that is well, and that Vault does not
// reach.
var vaultToKubernetesScenarios = []Scenario{
	vaultAlone("vault_to_kubernetes_unreachable", probe.VaultToKubernetesUnreachable, func(w *World) string { return "https://" + w.Refused() }),
	vaultAlone("vault_to_kubernetes_unreachable_dns", probe.VaultToKubernetesUnreachable, func(*World) string { return "https://kubernetes..svc:6443" }),
	same("vault_to_kubernetes_timeout", byElimination(probe.VaultToKubernetesTimeout), hanging(func(w *World) {
		w.Config(func(c *Config) { c.Host = "https://" + w.Silent() })
	})),
	bare("vault_to_kubernetes_timeout_before_header", byElimination(probe.VaultToKubernetesTimeout), hanging(func(w *World) { w.OnLogin(Hang) })),
	{Name: "vault_to_kubernetes_timeout_handshake", Full: proven(probe.VaultToKubernetesTimeout), Arrange: func(w *World) {
		w.Target.Timeout = 2 * pluginPatience // the fake's Vault gives up first
		w.Config(func(c *Config) { c.Host = "https://" + w.Silent() })
	}},
	otherCA("vault_to_kubernetes_tls", "other"),
	otherCA("vault_to_kubernetes_tls_other_cluster", "kubernetes"),
	{Name: "vault_to_kubernetes_tls_by_config", Arrange: func(w *World) {
		w.Readable()
		w.Config(func(c *Config) { c.CACert = newAuthority("other").PEM() })
	}, Bare: Verdict{probe.VaultToKubernetesTLS, eliminated, probe.MountCAMismatch}},
	vaultAlone("vault_to_kubernetes_tls_name", probe.VaultToKubernetesTLS, func(w *World) string { return w.Serve(w.Kubernetes, w.kubernetesCA, elsewhere) }),
	vaultAlone("vault_to_kubernetes_tls_plain", probe.VaultToKubernetesTLS, func(w *World) string { return "https://" + w.ServePlain(w.Kubernetes) }),
	vaultAlone("vault_to_kubernetes_misconfigured", probe.VaultToKubernetesMisconfigured, func(*World) string { return "127.0.0.1:6443" }),
	vaultAlone("vault_to_kubernetes_misconfigured_no_port", probe.VaultToKubernetesMisconfigured, func(*World) string { return "localhost" }),
	vaultAlone("vault_to_kubernetes_misconfigured_not_apiserver", probe.VaultToKubernetesMisconfigured,
		func(w *World) string { return w.Serve(HTML(200), w.kubernetesCA, nil) }),
	vaultAlone("vault_to_kubernetes_misconfigured_html_404", probe.VaultToKubernetesMisconfigured,
		func(w *World) string { return w.Serve(HTML(404), w.kubernetesCA, nil) }),
	vaultAlone("vault_to_kubernetes_misconfigured_other_json", probe.VaultToKubernetesMisconfigured,
		func(w *World) string { return w.Serve(JSON(404, `{"errors":[]}`), w.kubernetesCA, nil) }),
	vaultAlone("vault_to_kubernetes_misconfigured_path", probe.VaultToKubernetesMisconfigured,
		func(w *World) string { return w.Target.Kubernetes.Host + "/k8s/clusters/c-x" }),
	bare("vault_to_kubernetes_misconfigured_by_config", byElimination(probe.VaultToKubernetesMisconfigured), func(w *World) {
		w.Readable()
		w.Config(func(c *Config) { c.Host = "127.0.0.1:6443" })
	}),
	vaultAlone("vault_to_kubernetes_failed", probe.VaultToKubernetesFailed, func(w *World) string {
		return w.Serve(Status(503, "ServiceUnavailable", "apiserver is shutting down"), w.kubernetesCA, nil)
	}),
	bare("vault_to_kubernetes_failed_oracle_missing", byElimination(probe.VaultToKubernetesFailed), func(w *World) {
		w.DropReviewer()
		w.Target.Vault.OracleRole = "no-such-role"
	}),
}

// vaultAlone points the mount, and not the exporter, at another host.
func vaultAlone(name string, reason probe.Reason, host func(*World) string) Scenario {
	return differs(name, byElimination(probe.VaultToKubernetesFailed), proven(reason), func(w *World) {
		at := host(w)
		w.Config(func(c *Config) { c.Host = at })
	})
}

// otherCA puts a CA of this name into the mount's config.
func otherCA(name, authority string) Scenario {
	return differs(name, byElimination(probe.VaultToKubernetesFailed), Verdict{probe.VaultToKubernetesTLS, probe.Proven, probe.MountCAMismatch},
		withConfig(func(c *Config) { c.CACert = newAuthority(authority).PEM() }))
}

// kubernetesScenarios are an API server that fails us as it fails Vault.
var kubernetesScenarios = []Scenario{
	both("kubernetes_dns", probe.KubernetesDNS, func(w *World) { w.KubernetesAt("https://kubernetes..svc:6443") }),
	both("kubernetes_unreachable", probe.KubernetesUnreachable, func(w *World) { w.KubernetesAt("https://" + w.Refused()) }),
	both("kubernetes_unreachable_closed_at_once", probe.KubernetesUnreachable, func(w *World) { w.OnKubernetes("", Close) }),
	both("kubernetes_timeout", probe.KubernetesTimeout, hanging(func(w *World) { w.KubernetesAt("https://" + w.Silent()) })),
	both("kubernetes_timeout_before_header", probe.KubernetesTimeout, hanging(func(w *World) { w.OnKubernetes("", Hang) })),
	both("kubernetes_timeout_after_header", probe.KubernetesTimeout, hanging(func(w *World) { w.OnKubernetes("", HangAfterHeader) })),
	both("kubernetes_timeout_in_body", probe.KubernetesTimeout, hanging(func(w *World) { w.OnKubernetes("", HangInBody) })),
	both("kubernetes_tls_untrusted", probe.KubernetesTLSUntrusted, func(w *World) {
		w.KubernetesAt(w.Serve(w.Kubernetes, newAuthority("other"), nil))
	}),
	both("kubernetes_tls_expired", probe.KubernetesTLSExpired, func(w *World) { w.KubernetesAt(w.Serve(w.Kubernetes, w.kubernetesCA, expired)) }),
	both("kubernetes_tls_name", probe.KubernetesTLSName, func(w *World) { w.KubernetesAt(w.Serve(w.Kubernetes, w.kubernetesCA, elsewhere)) }),
	both("kubernetes_tls_failed", probe.KubernetesTLSFailed, func(w *World) { w.KubernetesAt("https://" + w.ServePlain(w.Kubernetes)) }),
	both("kubernetes_bad_response", probe.KubernetesBadResponse, func(w *World) { w.OnKubernetes("", HTML(200)) }),
	both("kubernetes_bad_response_waf", probe.KubernetesBadResponse, func(w *World) { w.OnKubernetes("", HTML(403)) }),
	both("kubernetes_bad_response_login_page", probe.KubernetesBadResponse, func(w *World) { w.OnKubernetes("", HTML(401)) }),
	both("kubernetes_bad_response_redirect", probe.KubernetesBadResponse, func(w *World) { w.OnKubernetes("", Redirect(302, "https://sso..example/")) }),
	both("kubernetes_bad_response_huge", probe.KubernetesBadResponse, func(w *World) { w.OnKubernetes("", Huge) }),
	both("kubernetes_bad_response_wrong_json", probe.KubernetesBadResponse, func(w *World) { w.OnKubernetes("", JSON(201, `{"status":{}}`)) }),
	both("kubernetes_bad_response_cut", probe.KubernetesBadResponse, func(w *World) { w.OnKubernetes("", CutInBody) }),
	both("kubernetes_bad_response_404", probe.KubernetesBadResponse, func(w *World) { w.OnKubernetes("", Answer(404, "text/plain", "404 page not found")) }),
	both("kubernetes_throttled", probe.KubernetesThrottled, func(w *World) {
		w.OnKubernetes("", Answer(429, "text/plain", "Too many requests, please try again later.", "Retry-After", "1"))
	}),
	both("kubernetes_unavailable", probe.KubernetesUnavailable, func(w *World) {
		w.OnKubernetes("", Status(503, "ServiceUnavailable", "apiserver is shutting down"))
	}),
	both("kubernetes_unavailable_proxy", probe.KubernetesUnavailable, func(w *World) { w.OnKubernetes("", HTML(503)) }),
	bare("kubernetes_unavailable_webhook", proven(probe.KubernetesUnavailable), reviewSays(`{"error":"[invalid bearer token, context deadline exceeded]"}`)),
	bare("kubernetes_unavailable_no_audiences", proven(probe.KubernetesUnavailable),
		reviewSays(`{"authenticated":true,"user":{"username":"system:serviceaccount:monitoring:canary","uid":"uid-of-canary"}}`)),
}

func both(name string, reason probe.Reason, arrange func(*World)) Scenario {
	return same(name, byElimination(reason), arrange)
}

// reviewSays has every review end in this status, as a webhook can make it.
func reviewSays(status string) func(*World) {
	return func(w *World) {
		w.OnKubernetes("tokenreviews", JSON(201, `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","status":`+status+`}`))
	}
}

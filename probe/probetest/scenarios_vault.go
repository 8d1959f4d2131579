package probetest

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

var vaultScenarios = []Scenario{
	twin("vault_dns", func(w *World) { w.Target.Vault.Addr = "https://vault..svc:8200" }),
	bare("vault_dns_and_kubernetes_dns", proven(diagnose.VaultDNS), func(w *World) {
		w.Target.Vault.Addr = "https://vault..svc:8200"
		w.KubernetesAt("https://kubernetes..svc:6443")
	}),
	twin("vault_unreachable", func(w *World) { w.Target.Vault.Addr = "https://" + w.Refused() }),
	bare("vault_unreachable_closed_at_once", proven(diagnose.VaultUnreachable), func(w *World) { w.OnVault("", Close) }),
	twin("vault_timeout", hanging(func(w *World) { w.Target.Vault.Addr = "https://" + w.Silent() })),
	bare("vault_timeout_before_header", proven(diagnose.VaultTimeout), hanging(func(w *World) { w.OnVault("", Hang) })),
	bare("vault_timeout_every_login", proven(diagnose.VaultTimeout), hanging(func(w *World) { w.OnLogin(Hang) })),
	bare("vault_timeout_after_header", proven(diagnose.VaultTimeout), hanging(func(w *World) { w.OnVault("", HangAfterHeader) })),
	bare("vault_timeout_login_drips", proven(diagnose.VaultTimeout), hanging(func(w *World) { w.OnLogin(HangInBody) })),
	bare("vault_timeout_in_body", proven(diagnose.VaultTimeout), hanging(func(w *World) { w.OnVault("", HangInBody) })),
	twin("vault_tls_untrusted", func(w *World) {
		w.Target.Vault.Addr = w.Serve(w.Vault, newAuthority("other"), nil)
	}),
	twin("vault_tls_expired", func(w *World) {
		w.Target.Vault.Addr = w.Serve(w.Vault, w.vaultCA, expired)
	}),
	twin("vault_tls_name", func(w *World) {
		w.Target.Vault.Addr = w.Serve(w.Vault, w.vaultCA, elsewhere)
	}),
	twin("vault_tls_failed", func(w *World) {
		w.Target.Vault.Addr = "https://" + w.ServePlain(w.Vault)
	}),
	bare("vault_tls_failed_plain_http_to_tls", proven(diagnose.VaultTLSFailed), func(w *World) {
		w.Target.Vault.Addr = strings.Replace(w.Target.Vault.Addr, "https://", "http://", 1)
	}),
	twin("vault_bad_response", func(w *World) { w.OnVault("", HTML(200)) }),
	bare("vault_bad_response_waf", proven(diagnose.VaultBadResponse), func(w *World) { w.OnVault("", HTML(403)) }),
	bare("vault_bad_response_huge", proven(diagnose.VaultBadResponse), func(w *World) { w.OnVault("", Huge) }),
	bare("vault_bad_response_wrong_json", proven(diagnose.VaultBadResponse), func(w *World) { w.OnVault("", JSON(200, `[1,2]`)) }),
	bare("vault_bad_response_no_auth", proven(diagnose.VaultBadResponse), func(w *World) { w.OnLogin(JSON(200, `{"data":{}}`)) }),
	bare("vault_bad_response_no_token", proven(diagnose.VaultBadResponse), func(w *World) { w.OnLogin(JSON(200, `{"auth":{"client_token":""}}`)) }),
	bare("vault_bad_response_no_content", proven(diagnose.VaultBadResponse), func(w *World) { w.OnLogin(Answer(204, "", "")) }),
	bare("vault_bad_response_empty_401", proven(diagnose.VaultBadResponse), func(w *World) { w.OnVault("", Answer(401, "", "")) }),
	bare("vault_bad_response_cut", proven(diagnose.VaultBadResponse), func(w *World) { w.OnVault("", CutInBody) }),
	twin("vault_no_backend", func(w *World) { w.OnVault("", HTML(502)) }),
	bare("vault_no_backend_timeout", proven(diagnose.VaultNoBackend), func(w *World) { w.OnVault("", HTML(504)) }),
	bare("vault_no_backend_503", byElimination(diagnose.VaultNoBackend), func(w *World) {
		w.OnVault("", Answer(503, "text/plain", "no healthy upstream"))
	}),
	bare("vault_no_backend_at_login", byElimination(diagnose.VaultNoBackend), func(w *World) { w.OnLogin(HTML(504)) }),
	bare("vault_forwarded_for_rejected", proven(diagnose.VaultForwardedForRejected), func(w *World) {
		w.OnVault("", JSON(400, `{"errors":["client address not authorized for x-forwarded-for and configured to reject connection"]}`))
	}),
	bare("vault_forwarded_for_rejected_absent", proven(diagnose.VaultForwardedForRejected), func(w *World) {
		w.OnVault("", JSON(400, `{"errors":["missing x-forwarded-for header and configured to reject when not present"]}`))
	}),
	bare("vault_bad_response_api_server", proven(diagnose.VaultBadResponse), func(w *World) {
		w.Target.Vault.Addr = w.Target.Kubernetes.Host
		w.Target.Vault.CACert = w.Target.Kubernetes.CACert
	}),
	bare("vault_bad_response_invisible_token", proven(diagnose.VaultBadResponse), func(w *World) {
		w.OnLogin(JSON(200, `{"auth":{"client_token":"\u200b\u200b","accessor":"\u0000\u0000\u0000\u0000\u0000\u0000","token_type":"service","lease_duration":60}}`))
	}),
	twin("vault_uninitialized", withVault(func(v *Vault) { v.Initialized = false })),
	twin("vault_sealed", withVault(func(v *Vault) { v.Sealed = true })),
	same("vault_no_leader_secondary", proven(diagnose.VaultNoLeader), onLogin(400, "path disabled in replication DR secondary mode")),
	same("vault_no_leader", proven(diagnose.VaultNoLeader), onLogin(500, "local node not active but active cluster node not found")),
	twin("vault_rate_limited", onLogin(429, `request path "auth/kubernetes/login": rate limit quota exceeded`)),
	same("vault_rate_limited_by_proxy", byElimination(diagnose.VaultRateLimited), func(w *World) {
		w.OnVault("", Answer(429, "text/plain", "local_rate_limited"))
	}),
	bare("vault_rate_limited_by_proxy_login", byElimination(diagnose.VaultRateLimited), func(w *World) {
		w.OnLogin(Answer(429, "text/html", "<html>429 Too Many Requests", "Retry-After", "5"))
	}),
	same("vault_lease_quota", proven(diagnose.VaultLeaseQuota),
		onLogin(429, "1 error occurred:\n\t* request path \"auth/kubernetes/login\": lease count quota exceeded\n\n")),
	same("vault_overloaded", proven(diagnose.VaultOverloaded), onLogin(503, "Vault server temporarily overloaded")),
	twin("vault_redirect", func(w *World) { w.OnVault("", Redirect(307, w.Target.Kubernetes.Host)) }),
	bare("vault_redirect_302", proven(diagnose.VaultRedirect), func(w *World) { w.OnVault("", Redirect(302, "https://login.example.net/")) }),
	bare("vault_redirect_by_standby", proven(diagnose.VaultRedirect), func(w *World) {
		w.Vault.Change(func(v *Vault) { v.Standby = true })
		w.redirectLogin(w.Serve(w.Vault, newAuthority("other"), nil))
	}),
	same("vault_namespace_missing", proven(diagnose.VaultNamespaceMissing), onLogin(404, "namespace not found")),
	same("vault_namespace_unavailable", proven(diagnose.VaultNamespaceUnavailable),
		onLogin(503, "API access to this namespace has been locked by an administrator")),
	same("vault_namespace_missing_openbao", proven(diagnose.VaultNamespaceMissing), inNamespace(OpenBao, "", "team-b")),
	same("vault_namespace_unavailable_locked", proven(diagnose.VaultNamespaceUnavailable), inNamespace(Enterprise,
		`API access to this namespace has been locked by an administrator - "team-a/" must be unlocked to gain access.`, "team-a")),
	same("vault_namespace_unavailable_sealed", proven(diagnose.VaultNamespaceUnavailable), inNamespace(OpenBao, "Namespace is sealed", "team-a")),
	bare("vault_sealed_health_refused", byElimination(diagnose.VaultSealed), func(w *World) {
		w.Vault.Change(func(v *Vault) { v.Sealed = true })
		w.OnVault("sys/health", HTML(403))
	}),
	bare("vault_sealed_behind_proxy", proven(diagnose.VaultSealed), func(w *World) {
		w.Vault.Change(func(v *Vault) { v.Sealed = true })
		w.OnVault("sys/health", func(rw http.ResponseWriter, r *http.Request) {
			r.URL.RawQuery = ""
			w.Vault.health(rw, r)
		})
	}),
	twin("vault_no_leader_quorum_lost", func(w *World) {
		lostLeader(w)
		w.redirectLogin("https://" + w.Refused())
	}),
	twin("vault_no_leader_leader_silent", hanging(func(w *World) {
		lostLeader(w)
		w.OnLogin(Hang)
	})),
	// 30 s later the standby gives up forwarding.
	bare("vault_no_leader_leader_silent_redirected", proven(diagnose.VaultNoLeader), hanging(func(w *World) {
		lostLeader(w)
		w.redirectLogin("https://" + w.Silent())
	})),
	twin("vault_no_leader_leader_stopped", func(w *World) {
		lostLeader(w)
		w.redirectLogin(w.ServeAsVault(Refuse(503, "Vault is sealed")))
	}),
	same("vault_no_leader_just_stopped", proven(diagnose.VaultNoLeader), func(w *World) {
		w.Vault.Change(func(v *Vault) { v.Standby = true })
		w.redirectLogin(w.ServeAsVault(Refuse(503, "Vault is sealed")))
	}),
	same("vault_no_leader_just_lost", byElimination(diagnose.VaultNoLeader), func(w *World) {
		w.Vault.Change(func(v *Vault) { v.Standby = true })
		w.redirectLogin("https://" + w.Refused())
	}),
	bare("vault_timeout_behind_standby", byElimination(diagnose.VaultTimeout), hanging(func(w *World) {
		w.Vault.Change(func(v *Vault) { v.Standby = true })
		w.OnLogin(Hang)
	})),
	bare("vault_clock_skew_reviewer_forbidden", Verdict{diagnose.VaultClockSkew, diagnose.ByElimination, diagnose.ClockSkew}, func(w *World) {
		w.Vault.Change(func(v *Vault) { v.Clock = -2 * time.Hour })
		w.Kubernetes.Change(func(k *Kubernetes) { clear(k.Grants) })
	}),
	same("vault_clock_skew", Verdict{diagnose.VaultClockSkew, diagnose.Proven, diagnose.ClockSkew}, withVault(func(v *Vault) { v.Clock = -2 * time.Hour })),
	twin("vault_internal_error", onLogin(500, "internal error")),
	same("vault_internal_error_storage", proven(diagnose.VaultInternalError), onLogin(500, `Put "https://consul:8501/v1/txn": tls: failed to verify certificate: `+
		`x509: certificate signed by unknown authority (possibly because of "crypto/rsa: verification error" while trying to verify candidate authority certificate "consul")`)),
	same("vault_internal_error_plugin_missing", proven(diagnose.VaultInternalError), onLogin(404, noBackend)),
	bare("vault_internal_error_plugin_missing_read", byElimination(diagnose.VaultInternalError), func(w *World) {
		w.Readable()
		w.OnLogin(Refuse(403, "permission denied"))
		w.OnVault("auth/kubernetes/config", Refuse(404, noBackend))
		w.OnVault("sys/internal/ui/mounts/auth/kubernetes", JSON(200, `{"data":{"type":"kubernetes","accessor":"auth_kubernetes_1"}}`))
	}),
	bare("vault_no_backend_vault_proxy", proven(diagnose.VaultNoBackend), func(w *World) {
		w.OnVault("", Refuse(500, `failed to get the response: Put "https://vault.example:8200/v1/auth/kubernetes/login": dial tcp 10.0.0.1:8200: connect: connection refused`))
	}),
	bare("vault_timeout_health_refused", byElimination(diagnose.VaultTimeout), hanging(func(w *World) {
		w.OnVault("sys/health", HTML(403))
		w.OnLogin(Hang)
	})),
	same("vault_no_leader_after_login", proven(diagnose.VaultNoLeader), func(w *World) {
		w.DropReviewer()
		w.onRole(evidence.ProbeRole, Refuse(400, "path disabled in replication DR secondary mode"))
	}),
}

// noBackend is Vault's text for a mount whose plugin it could not load.
const noBackend = `no handler for route "auth/kubernetes/login". route entry found, but backend is nil.`

// onRole has a handler answer the logins with one role.
func (w *World) onRole(role string, answer http.HandlerFunc) {
	w.OnLogin(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.Contains(body, []byte(`"role":`+quote(role))) {
			answer(rw, r)
			return
		}
		w.Vault.Serve(rw, r)
	})
}

// redirectLogin makes Vault redirect the login to the node at an address, as a standby does
// that cannot forward it.
func (w *World) redirectLogin(address string) {
	w.OnLogin(Redirect(307, address+"/v1/auth/kubernetes/login"))
}

// lostLeader makes the node a standby that has lost the active one.
func lostLeader(w *World) {
	w.Vault.Change(func(v *Vault) { v.Standby, v.Disconnected = true, true })
}

// inNamespace moves the mount to the namespace team-a, which rejects requests with the text
// locked unless that is empty, and makes the target use the namespace asked.
func inNamespace(d Dialect, locked, asked string) func(*World) {
	return func(w *World) {
		w.Vault.Change(func(v *Vault) { v.Dialect, v.Namespace, v.NamespaceRefusal = d, "team-a", locked })
		w.Target.Vault.Namespace = asked
	}
}

// hanging shortens the target's timeout, so that a server that hangs does not delay the
// tests.
func hanging(arrange func(*World)) func(*World) {
	return func(w *World) {
		w.Target.Timeout = 2500 * time.Millisecond
		arrange(w)
	}
}

package probetest

import (
	"os"
	"slices"
	"strings"
	"time"

	"vault-k8s-auth-exporter/probe"
)

// Scenario is one thing that can be wrong, and what must be said of it.
type Scenario struct {
	// Name is the reason's, with a suffix where a reason has several.
	Name string
	// Before arranges what an earlier run saw, where that matters: ten runs are made
	// of it, so that the next reads the mount anew.
	Before func(*World)
	// Arrange breaks a healthy world.
	Arrange func(*World)
	// Reason and Certainty are those of the verdict; Certainty is proven if empty.
	Reason    probe.Reason
	Certainty probe.Certainty
	// Reviewer is the reason of the reviewer's own verdict, empty where it is not
	// known.
	Reviewer probe.Reason
	// Warnings are those that are raised.
	Warnings []probe.WarningCode
}

// Scenarios lists them all: the healthy world, then every reason, then every
// warning.
func Scenarios() []Scenario {
	return slices.Concat(healthy, modeScenarios, secretScenarios, vaultScenarios, mountScenarios, reviewerScenarios, storedScenarios, kubernetesScenarios, canaryScenarios, warningScenarios)
}

const (
	none       = probe.None
	eliminated = probe.ByElimination
)

var healthy = []Scenario{
	{Name: "healthy", Arrange: func(*World) {}, Reason: none, Reviewer: none},
	{Name: "healthy_batch_token", Arrange: withRole(func(r *Role) { r.Batch = true }), Reason: none, Reviewer: none},
	{Name: "healthy_crlf", Reason: none, Reviewer: none, Arrange: func(w *World) {
		w.Target.Canary.TokenFile = w.File("canary-token", "\r\n "+w.Canary.String()+"\r\n")
		w.Target.Reviewer.TokenFile = w.File("reviewer-token", w.Reviewer.String()+"\r\n")
	}},
}

// modeScenarios are the other sources of the tokens.
var modeScenarios = []Scenario{
	{Name: "healthy_minted", Reason: none, Reviewer: none, Arrange: func(w *World) {
		w.MintCanary()
		w.Target.Reviewer = probe.Reviewer{Source: probe.SourceServiceAccount, ServiceAccount: w.Reviewer.account()}
	}},
	{Name: "healthy_accessreview", Reason: none, Reviewer: none, Arrange: accessReview},
	{Name: "healthy_self_review", Reason: none, Reviewer: none, Arrange: selfReview},
	{Name: "reviewer_forbidden_accessreview", Reason: probe.ReviewerForbidden, Reviewer: probe.ReviewerForbidden, Arrange: func(w *World) {
		accessReview(w)
		w.DropReviewer()
		w.Kubernetes.Change(func(k *Kubernetes) {
			k.Delegators = slices.DeleteFunc(k.Delegators, func(name string) bool { return name == w.Reviewer.username() })
		})
	}},
	{Name: "reviewer_forbidden_self_review", Reason: probe.ReviewerForbidden, Reviewer: probe.ReviewerForbidden, Arrange: func(w *World) {
		selfReview(w)
		w.DropReviewer()
		w.Kubernetes.Change(func(k *Kubernetes) { k.Delegators = nil })
	}},
	{Name: "canary_wrong_audience_self_review", Reason: probe.CanaryWrongAudience, Reviewer: probe.CanaryWrongAudience, Certainty: eliminated,
		Arrange: func(w *World) {
			w.DropReviewer()
			w.Target.Reviewer = probe.Reviewer{Source: probe.SourceCanary}
		}},
	{Name: "reviewer_not_checked", Reason: none, Reviewer: "", Warnings: []probe.WarningCode{probe.ReviewerNotChecked}, Arrange: func(w *World) {
		w.Identity()
		w.Target.Reviewer = probe.Reviewer{Source: probe.SourceServiceAccount, ServiceAccount: w.Reviewer.account()}
	}},
	{Name: "reviewer_not_checked_accessreview", Reason: none, Reviewer: "", Warnings: []probe.WarningCode{probe.ReviewerNotChecked}, Arrange: func(w *World) {
		accessReview(w)
		w.Kubernetes.Change(func(k *Kubernetes) { k.Delegators = nil })
	}},
}

func accessReview(w *World) {
	w.Identity()
	w.Target.Reviewer = probe.Reviewer{Source: probe.SourceAccessReview, ServiceAccount: w.Reviewer.account()}
}

// selfReview is a mount without a reviewer: the canary, bound to the same role, is
// its own.
func selfReview(w *World) {
	w.Target.Reviewer = probe.Reviewer{Source: probe.SourceCanary}
	canary := w.Canary
	canary.Audiences = []string{"vault", APIServerAudience}
	w.SetCanary(canary)
	w.Kubernetes.Change(func(k *Kubernetes) { k.Delegators = append(k.Delegators, canary.username()) })
}

var vaultScenarios = []Scenario{
	{Name: "vault_dns", Reason: probe.VaultDNS, Reviewer: none,
		Arrange: func(w *World) { w.Target.Vault.Addr = "https://vault.invalid:8200" }},
	{Name: "vault_unreachable", Reason: probe.VaultUnreachable, Reviewer: none,
		Arrange: func(w *World) { w.Target.Vault.Addr = "https://" + w.Refused() }},
	{Name: "vault_unreachable_closed_at_once", Reason: probe.VaultUnreachable, Reviewer: none,
		Arrange: func(w *World) { w.OnVault("", Close) }},
	{Name: "vault_timeout", Reason: probe.VaultTimeout, Reviewer: none, Arrange: hanging(func(w *World) { w.OnVault("", Hang) })},
	{Name: "vault_timeout_before_tls", Reason: probe.VaultTimeout, Reviewer: none,
		Arrange: hanging(func(w *World) { w.Target.Vault.Addr = "https://" + w.Silent() })},
	{Name: "vault_timeout_after_header", Reason: probe.VaultTimeout, Reviewer: none,
		Arrange: hanging(func(w *World) { w.OnVault("", HangAfterHeader) })},
	{Name: "vault_timeout_in_body", Reason: probe.VaultTimeout, Reviewer: none,
		Arrange: hanging(func(w *World) { w.OnVault("", HangInBody) })},
	{Name: "vault_tls_untrusted", Reason: probe.VaultTLSUntrusted, Reviewer: none,
		Arrange: func(w *World) { w.Target.Vault.CACert = w.OtherCA() }},
	{Name: "vault_tls_expired", Reason: probe.VaultTLSExpired, Reviewer: none, Warnings: []probe.WarningCode{probe.CertificateExpiring},
		Arrange: func(w *World) { w.Target.Vault.Addr, w.Target.Vault.CACert = w.ServeExpired(w.Vault) }},
	{Name: "vault_tls_name", Reason: probe.VaultTLSName, Reviewer: none,
		Arrange: func(w *World) { w.Target.Vault.TLSServerName = "vault.example.net" }},
	{Name: "vault_tls_failed", Reason: probe.VaultTLSFailed, Reviewer: none,
		Arrange: func(w *World) { w.Target.Vault.Addr = "https://" + w.ServePlain(w.Vault) }},
	{Name: "vault_tls_failed_plain_http_to_tls", Reason: probe.VaultTLSFailed, Reviewer: none,
		Arrange: func(w *World) {
			w.Target.Vault.Addr = strings.Replace(w.Target.Vault.Addr, "https://", "http://", 1)
		}},
	{Name: "vault_tls_failed_no_ca_file", Reason: probe.VaultTLSFailed, Reviewer: none,
		Arrange: func(w *World) { w.Target.Vault.CACert += ".gone" }},
	{Name: "vault_bad_response", Reason: probe.VaultBadResponse, Reviewer: none, Arrange: func(w *World) { w.OnVault("", HTML(200)) }},
	{Name: "vault_bad_response_waf", Reason: probe.VaultBadResponse, Reviewer: none, Arrange: func(w *World) { w.OnVault("", HTML(403)) }},
	{Name: "vault_bad_response_huge", Reason: probe.VaultBadResponse, Reviewer: none, Arrange: func(w *World) { w.OnVault("", Huge) }},
	{Name: "vault_bad_response_wrong_json", Reason: probe.VaultBadResponse, Reviewer: none,
		Arrange: func(w *World) { w.OnVault("", JSON(200, `[1,2]`)) }},
	{Name: "vault_bad_response_no_auth", Reason: probe.VaultBadResponse, Reviewer: none,
		Arrange: func(w *World) { w.OnLogin(JSON(200, `{"data":{}}`)) }},
	{Name: "vault_bad_response_no_token", Reason: probe.VaultBadResponse, Reviewer: none,
		Arrange: func(w *World) { w.OnLogin(JSON(200, `{"auth":{"client_token":""}}`)) }},
	{Name: "vault_bad_response_no_content", Reason: probe.VaultBadResponse, Reviewer: none,
		Arrange: func(w *World) { w.OnLogin(Answer(204, "", "")) }},
	{Name: "vault_bad_response_empty_401", Reason: probe.VaultBadResponse, Reviewer: none,
		Arrange: func(w *World) { w.OnVault("", Answer(401, "", "")) }},
	{Name: "vault_bad_response_cut", Reason: probe.VaultBadResponse, Reviewer: none,
		Arrange: func(w *World) { w.OnVault("", CutInBody) }},
	{Name: "vault_uninitialized", Reason: probe.VaultUninitialized, Reviewer: none,
		Arrange: withVault(func(v *Vault) { v.Initialized = false })},
	{Name: "vault_sealed", Reason: probe.VaultSealed, Reviewer: none, Arrange: withVault(func(v *Vault) { v.Sealed = true })},
	{Name: "vault_no_leader", Reason: probe.VaultNoLeader, Reviewer: none,
		Arrange: onLogin(500, "local node not active but active cluster node not found")},
	{Name: "vault_rate_limited", Reason: probe.VaultRateLimited, Reviewer: none,
		Arrange: onLogin(429, `request path "auth/kubernetes/login": rate limit quota exceeded`)},
	{Name: "vault_lease_quota", Reason: probe.VaultLeaseQuota, Reviewer: none,
		Arrange: onLogin(429, "1 error occurred:\n\t* request path \"auth/kubernetes/login\": lease count quota exceeded\n\n")},
	{Name: "vault_overloaded", Reason: probe.VaultOverloaded, Reviewer: none, Arrange: onLogin(503, "Vault server temporarily overloaded")},
	{Name: "vault_redirect", Reason: probe.VaultRedirect, Reviewer: none,
		Arrange: func(w *World) { w.OnLogin(Redirect(307, w.Target.Kubernetes.Host)) }},
	{Name: "vault_redirect_302", Reason: probe.VaultRedirect, Reviewer: none,
		Arrange: func(w *World) { w.OnVault("", Redirect(302, "https://login.example.net/")) }},
	{Name: "vault_namespace_missing", Reason: probe.VaultNamespaceMissing, Reviewer: none, Arrange: onLogin(404, "namespace not found")},
	{Name: "vault_namespace_unavailable", Reason: probe.VaultNamespaceUnavailable, Reviewer: none,
		Arrange: onLogin(503, "API access to this namespace has been locked by an administrator")},
	{Name: "vault_clock_skew", Reason: probe.VaultClockSkew, Reviewer: none, Warnings: []probe.WarningCode{probe.ClockSkew},
		Arrange: withVault(func(v *Vault) { v.Clock = -2 * time.Hour })},
	{Name: "vault_internal_error", Reason: probe.VaultInternalError, Reviewer: none, Arrange: onLogin(500, "internal error")},
}

var mountScenarios = []Scenario{
	{Name: "mount_missing", Reason: probe.MountMissing, Reviewer: none, Arrange: withVault(func(v *Vault) { clear(v.Mounts) })},
	{Name: "mount_wrong_type", Reason: probe.MountWrongType, Reviewer: none, Arrange: withMount(func(m *Mount) { m.Type = "jwt" })},
	{Name: "mount_config_missing", Reason: probe.MountConfigMissing, Reviewer: none, Arrange: withMount(func(m *Mount) { m.Unconfigured = true })},
	{Name: "mount_issuer_mismatch", Reason: probe.MountIssuerMismatch, Reviewer: none, Arrange: onLogin(403, "invalid issuer (iss) claim")},
	{Name: "mount_local_ca_unreadable", Reason: probe.MountLocalCAUnreadable, Reviewer: none,
		Arrange: onLogin(500, "open /var/run/secrets/kubernetes.io/serviceaccount/ca.crt: no such file or directory")},
	{Name: "mount_annotations_forbidden", Reason: probe.MountAnnotationsForbidden, Reviewer: none,
		Arrange: onLogin(500, `failed to get service account (code 403 status serviceaccounts "canary" is forbidden)`)},
	{Name: "role_missing", Reason: probe.RoleMissing, Reviewer: none, Arrange: withMount(func(m *Mount) { clear(m.Roles) })},
	{Name: "role_service_account_mismatch", Reason: probe.RoleServiceAccountMismatch, Reviewer: none,
		Arrange: withRole(func(r *Role) { r.Name = "other" })},
	{Name: "role_namespace_mismatch", Reason: probe.RoleNamespaceMismatch, Reviewer: none,
		Arrange: withRole(func(r *Role) { r.Namespace = "other" })},
	{Name: "role_namespace_selector_failed", Reason: probe.RoleNamespaceSelectorFailed, Reviewer: none,
		Arrange: onLogin(403, `namespace not authorized err=failed to get namespace (code 403 status namespaces "monitoring" is forbidden)`)},
	{Name: "role_audience_mismatch", Reason: probe.RoleAudienceMismatch, Reviewer: none,
		Arrange: withRole(func(r *Role) { r.Audience = "other" })},
	{Name: "role_policy_invalid", Reason: probe.RolePolicyInvalid, Reviewer: none, Arrange: onLogin(400, "auth methods cannot create root tokens")},
	{Name: "role_mfa_required", Reason: probe.RoleMFARequired, Reviewer: none,
		Arrange: func(w *World) {
			w.OnLogin(JSON(200, `{"auth":{"client_token":"","mfa_requirement":{"mfa_request_id":"x","mfa_constraints":{}}}}`))
		}},
}

var reviewerScenarios = []Scenario{
	{Name: "reviewer_token_missing", Reason: probe.ReviewerTokenMissing, Reviewer: probe.ReviewerTokenMissing, Certainty: eliminated, Arrange: func(w *World) {
		w.DropReviewer()
		w.Target.Reviewer.TokenFile += ".gone"
	}},
	{Name: "reviewer_token_missing_empty", Reason: probe.ReviewerTokenMissing, Reviewer: probe.ReviewerTokenMissing, Certainty: eliminated, Arrange: reviewerFile("")},
	{Name: "reviewer_token_missing_blank", Reason: probe.ReviewerTokenMissing, Reviewer: probe.ReviewerTokenMissing, Certainty: eliminated, Arrange: reviewerFile(" \r\n\t")},
	{Name: "reviewer_token_missing_directory", Reason: probe.ReviewerTokenMissing, Reviewer: probe.ReviewerTokenMissing, Certainty: eliminated, Arrange: func(w *World) {
		w.DropReviewer()
		w.Target.Reviewer.TokenFile = os.TempDir()
	}},
	{Name: "reviewer_token_malformed", Reason: probe.ReviewerTokenMalformed, Reviewer: probe.ReviewerTokenMalformed, Certainty: eliminated,
		Arrange: reviewerFile("eyJ" + Mark + "\neyJ" + Mark)},
	{Name: "reviewer_token_malformed_quoted", Reason: probe.ReviewerTokenMalformed, Reviewer: probe.ReviewerTokenMalformed, Certainty: eliminated,
		Arrange: reviewerFile(`"eyJ` + Mark + `"`)},
	{Name: "reviewer_expired", Reason: probe.ReviewerExpired, Reviewer: probe.ReviewerExpired, Warnings: []probe.WarningCode{probe.ReviewerTokenExpiring},
		Arrange: reviewerToken(func(t *Token) {
			t.Issued, t.Expires = time.Now().Add(-3*time.Hour), time.Now().Add(-time.Hour)
		})},
	{Name: "reviewer_not_yet_valid", Reason: probe.ReviewerNotYetValid, Reviewer: probe.ReviewerNotYetValid,
		Arrange: reviewerToken(func(t *Token) { t.NotBefore = time.Now().Add(time.Hour) })},
	{Name: "reviewer_revoked", Reason: probe.ReviewerRevoked, Reviewer: probe.ReviewerRevoked, Certainty: eliminated, Warnings: []probe.WarningCode{probe.ReviewerTokenBoundToPod},
		Arrange: reviewerToken(func(t *Token) { t.Pod = "vault-0" })},
	{Name: "reviewer_unauthorized", Reason: probe.ReviewerUnauthorized, Reviewer: probe.ReviewerUnauthorized,
		Arrange: reviewerToken(func(t *Token) { t.UID = "another" })},
	{Name: "reviewer_unauthorized_empty_401", Reason: probe.ReviewerUnauthorized, Reviewer: probe.ReviewerUnauthorized, Arrange: func(w *World) {
		w.DropReviewer()
		w.OnKubernetes("", Answer(401, "", ""))
	}},
	{Name: "reviewer_forbidden", Reason: probe.ReviewerForbidden, Reviewer: probe.ReviewerForbidden, Arrange: func(w *World) {
		w.DropReviewer()
		w.Kubernetes.Change(func(k *Kubernetes) { k.Delegators = nil })
	}},
	{Name: "vault_to_kubernetes_failed", Reason: probe.VaultToKubernetesFailed, Reviewer: none, Certainty: eliminated, Arrange: (*World).DropReviewer},
	{Name: "vault_to_kubernetes_timeout", Reason: probe.VaultToKubernetesTimeout, Reviewer: none, Certainty: eliminated,
		Arrange: hanging(func(w *World) { w.OnLogin(Hang) })},
	{Name: "unexplained", Reason: probe.Unexplained, Reviewer: none, Certainty: eliminated, Arrange: func(w *World) {
		w.DropReviewer()
		w.Target.FollowUps = false
	}},
}

// storedScenarios need evidence that is optional: the mount's config, the oracle,
// an identity of the exporter's own.
var storedScenarios = []Scenario{
	{Name: "role_cidr_mismatch", Reason: probe.RoleCIDRMismatch, Reviewer: none, Arrange: func(w *World) {
		withRole(func(r *Role) { r.CIDRs = []string{"10.0.0.0/8"} })(w)
		w.Readable(nil)
	}},
	{Name: "role_cidr_mismatch_with_keys", Reason: probe.RoleCIDRMismatch, Reviewer: none, Certainty: eliminated, Arrange: func(w *World) {
		withRole(func(r *Role) { r.CIDRs = []string{"10.0.0.0/8"} })(w)
		key := w.SignCanary()
		w.Readable(map[string]any{"pem_keys": []string{key}})
	}},
	{Name: "unexplained_cidr_or_keys", Reason: probe.Unexplained, Reviewer: none, Certainty: eliminated,
		Arrange: withRole(func(r *Role) { r.CIDRs = []string{"10.0.0.0/8"} })},
	{Name: "mount_pem_keys_mismatch", Reason: probe.MountPEMKeysMismatch, Reviewer: none, Arrange: func(w *World) {
		withMount(func(m *Mount) { m.KeysRefuse = true })(w)
		w.Readable(map[string]any{"pem_keys": []string{readFile(w.OtherCA())}})
	}},
	{Name: "canary_entity_disabled", Reason: probe.CanaryEntityDisabled, Reviewer: none, Certainty: eliminated, Arrange: func(w *World) {
		withMount(func(m *Mount) { m.EntityDisabled = true })(w)
		w.Oracle(oracleForbidden)
	}},
	{Name: "reviewer_drift", Reason: probe.ReviewerDrift, Reviewer: none, Arrange: oracleSays("failed to get namespace (code 401 status Unauthorized)")},
	{Name: "reviewer_drift_self_review", Reason: probe.ReviewerDrift, Reviewer: none,
		Arrange: oracleSays("namespace lookup failed: TokenReviewer JWT needs to be configured to use namespace selectors")},
	{Name: "reviewer_drift_forbidden", Reason: probe.ReviewerDrift, Reviewer: none, Arrange: func(w *World) {
		w.DropReviewer()
		w.Oracle(strings.ReplaceAll(oracleForbidden, "vault-auth", "other"))
	}},
	{Name: "reviewer_drift_by_config", Reason: probe.ReviewerDrift, Reviewer: none, Certainty: eliminated, Arrange: func(w *World) {
		w.DropReviewer()
		w.Readable(nil)
	}},
	{Name: "vault_to_kubernetes_unreachable", Reason: probe.VaultToKubernetesUnreachable, Reviewer: none,
		Arrange: oracleSays(`Get "https://10.0.0.1:6443/api/v1/namespaces/monitoring": dial tcp 10.0.0.1:6443: connect: connection refused`)},
	{Name: "vault_to_kubernetes_timeout_oracle", Reason: probe.VaultToKubernetesTimeout, Reviewer: none,
		Arrange: oracleSays(`Get "https://10.0.0.1:6443/api/v1/namespaces/monitoring": net/http: TLS handshake timeout`)},
	{Name: "vault_to_kubernetes_tls", Reason: probe.VaultToKubernetesTLS, Reviewer: none,
		Arrange: oracleSays(`Get "https://10.0.0.1:6443/api/v1/namespaces/monitoring": tls: failed to verify certificate: x509: certificate signed by unknown authority`)},
	{Name: "vault_to_kubernetes_tls_by_config", Reason: probe.VaultToKubernetesTLS, Reviewer: none, Certainty: eliminated,
		Warnings: []probe.WarningCode{probe.MountCAMismatch}, Arrange: func(w *World) {
			w.DropReviewer()
			w.Readable(map[string]any{"kubernetes_ca_cert": readFile(w.OtherCA())})
		}},
	{Name: "vault_to_kubernetes_misconfigured", Reason: probe.VaultToKubernetesMisconfigured, Reviewer: none,
		Arrange: oracleSays(`parse "10.0.0.1:6443/api/v1/namespaces/monitoring": first path segment in URL cannot contain colon`)},
	{Name: "vault_to_kubernetes_misconfigured_by_config", Reason: probe.VaultToKubernetesMisconfigured, Reviewer: none, Certainty: eliminated,
		Warnings: []probe.WarningCode{probe.MountHostDiffers}, Arrange: func(w *World) {
			w.DropReviewer()
			w.Readable(map[string]any{"kubernetes_host": "10.0.0.1:6443"})
		}},
	{Name: "vault_to_kubernetes_failed_oracle_missing", Reason: probe.VaultToKubernetesFailed, Reviewer: none, Certainty: eliminated, Arrange: func(w *World) {
		w.DropReviewer()
		w.Target.Vault.OracleRole = "no-such-role"
	}},
	{Name: "reviewer_wrong_cluster", Reason: probe.ReviewerWrongCluster, Reviewer: probe.ReviewerWrongCluster, Certainty: eliminated,
		Arrange: reviewerToken(func(t *Token) { t.Issuer = "https://other.example" })},
	{Name: "reviewer_wrong_cluster_reviewed", Reason: probe.ReviewerWrongCluster, Reviewer: probe.ReviewerWrongCluster,
		Arrange: reviewerReviewed("[invalid bearer token, invalid signature, no keys found]")},
	{Name: "reviewer_wrong_audience", Reason: probe.ReviewerWrongAudience, Reviewer: probe.ReviewerWrongAudience, Arrange: func(w *World) {
		reviewerToken(func(t *Token) { t.Audiences = []string{"elsewhere"} })(w)
		w.Kubernetes.Change(func(k *Kubernetes) { k.Accounts[w.Reviewer.String()] = w.Reviewer })
		w.Identity()
	}},
	{Name: "reviewer_revoked_reviewed", Reason: probe.ReviewerRevoked, Reviewer: probe.ReviewerRevoked,
		Arrange: reviewerReviewed(`[invalid bearer token, serviceaccounts "vault-auth" not found]`)},
}

const oracleForbidden = `namespace not authorized err=failed to get namespace (code 403 status namespaces "monitoring" is forbidden: ` +
	`User "system:serviceaccount:vault:vault-auth" cannot get resource "namespaces" in API group "" in the namespace "monitoring")`

// oracleSays has Vault's own calls to Kubernetes fail, and the oracle tell how.
func oracleSays(cause string) func(*World) {
	return func(w *World) {
		w.DropReviewer()
		w.Oracle("namespace not authorized err=" + cause)
	}
}

// reviewerReviewed has the exporter's own identity told what is wrong with the
// reviewer's token.
func reviewerReviewed(text string) func(*World) {
	return func(w *World) {
		reviewerToken(func(t *Token) { t.UID = "another" })(w)
		w.Kubernetes.Change(func(k *Kubernetes) { k.ReviewErrors[w.Reviewer.String()] = text })
		w.Identity()
	}
}

func readFile(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return string(content)
}

var kubernetesScenarios = []Scenario{
	kubernetesDown("kubernetes_dns", probe.KubernetesDNS, func(w *World) { w.Target.Kubernetes.Host = "https://kubernetes.invalid:6443" }),
	kubernetesDown("kubernetes_unreachable", probe.KubernetesUnreachable, func(w *World) { w.Target.Kubernetes.Host = "https://" + w.Refused() }),
	kubernetesDown("kubernetes_unreachable_closed_at_once", probe.KubernetesUnreachable, func(w *World) { w.OnKubernetes("", Close) }),
	kubernetesDown("kubernetes_timeout", probe.KubernetesTimeout, hanging(func(w *World) { w.OnKubernetes("", Hang) })),
	kubernetesDown("kubernetes_timeout_before_tls", probe.KubernetesTimeout, hanging(func(w *World) { w.Target.Kubernetes.Host = "https://" + w.Silent() })),
	kubernetesDown("kubernetes_timeout_after_header", probe.KubernetesTimeout, hanging(func(w *World) { w.OnKubernetes("", HangAfterHeader) })),
	kubernetesDown("kubernetes_timeout_in_body", probe.KubernetesTimeout, hanging(func(w *World) { w.OnKubernetes("", HangInBody) })),
	{Name: "kubernetes_timeout_both_hang", Reason: probe.KubernetesTimeout, Reviewer: probe.KubernetesTimeout, Certainty: eliminated,
		Arrange: hanging(func(w *World) {
			w.OnKubernetes("", Hang)
			w.OnLogin(Hang)
		})},
	kubernetesDown("kubernetes_tls_untrusted", probe.KubernetesTLSUntrusted, func(w *World) { w.Target.Kubernetes.CACert = w.OtherCA() }),
	kubernetesDown("kubernetes_tls_expired", probe.KubernetesTLSExpired, func(w *World) {
		w.Target.Kubernetes.Host, w.Target.Kubernetes.CACert = w.ServeExpired(w.Kubernetes)
	}, probe.CertificateExpiring),
	kubernetesDown("kubernetes_tls_name", probe.KubernetesTLSName, func(w *World) { w.Target.Kubernetes.TLSServerName = "api.example.net" }),
	kubernetesDown("kubernetes_tls_failed", probe.KubernetesTLSFailed, func(w *World) { w.Target.Kubernetes.Host = "https://" + w.ServePlain(w.Kubernetes) }),
	kubernetesDown("kubernetes_bad_response", probe.KubernetesBadResponse, func(w *World) { w.OnKubernetes("", HTML(200)) }),
	kubernetesDown("kubernetes_bad_response_waf", probe.KubernetesBadResponse, func(w *World) { w.OnKubernetes("", HTML(403)) }),
	kubernetesDown("kubernetes_bad_response_login_page", probe.KubernetesBadResponse, func(w *World) { w.OnKubernetes("", HTML(401)) }),
	kubernetesDown("kubernetes_bad_response_redirect", probe.KubernetesBadResponse, func(w *World) { w.OnKubernetes("", Redirect(302, "https://sso.example.net/")) }),
	kubernetesDown("kubernetes_bad_response_huge", probe.KubernetesBadResponse, func(w *World) { w.OnKubernetes("", Huge) }),
	kubernetesDown("kubernetes_bad_response_wrong_json", probe.KubernetesBadResponse, func(w *World) { w.OnKubernetes("", JSON(201, `{"status":{}}`)) }),
	kubernetesDown("kubernetes_bad_response_cut", probe.KubernetesBadResponse, func(w *World) { w.OnKubernetes("", CutInBody) }),
	kubernetesDown("kubernetes_bad_response_404", probe.KubernetesBadResponse, func(w *World) { w.OnKubernetes("", Answer(404, "text/plain", "404 page not found")) }),
	kubernetesDown("kubernetes_throttled", probe.KubernetesThrottled, func(w *World) {
		w.Target.FollowUps = true
		w.OnKubernetes("", Answer(429, "text/plain", "Too many requests, please try again later.", "Retry-After", "1"))
	}),
	kubernetesDown("kubernetes_unavailable", probe.KubernetesUnavailable, func(w *World) { w.OnKubernetes("", HTML(503)) }),
	{Name: "kubernetes_unavailable_webhook", Reason: probe.KubernetesUnavailable, Reviewer: none, Arrange: reviewSays("[invalid bearer token, context deadline exceeded]")},
	{Name: "kubernetes_unavailable_no_audiences", Reason: probe.KubernetesUnavailable, Reviewer: none, Arrange: func(w *World) {
		w.DropReviewer()
		w.Kubernetes.Change(func(k *Kubernetes) { k.AudienceUnaware = true })
	}},
}

var canaryScenarios = []Scenario{
	{Name: "canary_token_missing", Reason: probe.CanaryTokenMissing, Reviewer: none, Arrange: func(w *World) { w.Target.Canary.TokenFile += ".gone" }},
	{Name: "canary_token_missing_empty", Reason: probe.CanaryTokenMissing, Reviewer: none, Arrange: canaryFile("")},
	{Name: "canary_token_missing_blank", Reason: probe.CanaryTokenMissing, Reviewer: none, Arrange: canaryFile("\n \n")},
	{Name: "canary_token_missing_directory", Reason: probe.CanaryTokenMissing, Reviewer: none, Arrange: func(w *World) { w.Target.Canary.TokenFile = os.TempDir() }},
	{Name: "canary_token_malformed", Reason: probe.CanaryTokenMalformed, Reviewer: none, Arrange: canaryFile("eyJ" + Mark + "\r\neyJ" + Mark)},
	{Name: "canary_token_malformed_no_jwt", Reason: probe.CanaryTokenMalformed, Reviewer: none, Arrange: canaryFile(Mark)},
	{Name: "canary_expired", Reason: probe.CanaryExpired, Reviewer: none, Arrange: func(w *World) {
		canary := w.Canary
		canary.Issued, canary.Expires = time.Now().Add(-3*time.Hour), time.Now().Add(-time.Hour)
		w.SetCanary(canary)
		w.Kubernetes.Change(func(k *Kubernetes) {
			k.ReviewErrors[canary.String()] = "[invalid bearer token, service account token has expired]"
		})
	}},
	{Name: "canary_not_yet_valid", Reason: probe.CanaryNotYetValid, Reviewer: none, Arrange: func(w *World) {
		canary := w.Canary
		canary.NotBefore = time.Now().Add(time.Hour)
		w.SetCanary(canary)
		w.Kubernetes.Change(func(k *Kubernetes) {
			k.ReviewErrors[canary.String()] = "[invalid bearer token, service account token is not valid yet]"
		})
	}},
	{Name: "canary_revoked", Reason: probe.CanaryRevoked, Reviewer: none, Arrange: reviewSays("[invalid bearer token, service account token has been invalidated]")},
	{Name: "canary_revoked_account_deleted", Reason: probe.CanaryRevoked, Reviewer: none, Arrange: reviewSays(`[invalid bearer token, serviceaccounts "canary" not found]`)},
	{Name: "canary_wrong_cluster", Reason: probe.CanaryWrongCluster, Reviewer: none, Arrange: reviewSays("invalid bearer token")},
	{Name: "canary_wrong_cluster_keys", Reason: probe.CanaryWrongCluster, Reviewer: none, Arrange: reviewSays("[invalid bearer token, invalid signature, no keys found]")},
	{Name: "canary_wrong_audience", Reason: probe.CanaryWrongAudience, Reviewer: none, Arrange: func(w *World) {
		w.Target.Canary.Audiences = []string{"vault"}
		canary := w.Canary
		canary.Audiences = []string{"elsewhere"}
		w.SetCanary(canary)
	}},
	{Name: "canary_rejected", Reason: probe.CanaryRejected, Reviewer: none, Arrange: func(w *World) {
		w.DropReviewer()
		w.Kubernetes.Change(func(k *Kubernetes) { k.ReviewedAs[w.Canary.String()] = "oidc:somebody" })
	}},
	{Name: "canary_revoked_not_minted", Reason: probe.CanaryRevoked, Reviewer: none, Arrange: func(w *World) {
		w.MintCanary()
		w.Target.Canary.ServiceAccount.Name = "gone"
	}},
	{Name: "kubernetes_unavailable_not_minted", Reason: probe.KubernetesUnavailable, Reviewer: none, Arrange: func(w *World) {
		w.MintCanary()
		w.OnKubernetes("token", HTML(503))
	}},
	{Name: "exporter_forbidden", Reason: probe.ExporterForbidden, Reviewer: none, Arrange: func(w *World) {
		w.MintCanary()
		w.Kubernetes.Change(func(k *Kubernetes) { k.Minters = nil })
	}},
	{Name: "exporter_forbidden_no_identity", Reason: probe.ExporterForbidden, Reviewer: none, Arrange: func(w *World) {
		w.MintCanary()
		w.Target.Kubernetes.TokenFile = ""
	}},
	{Name: "exporter_internal_error", Reason: probe.ExporterInternalError, Reviewer: none, Arrange: func(w *World) { w.Panic = true }},
}

var warningScenarios = []Scenario{
	{Name: "reviewer_token_expiring", Reason: none, Reviewer: none, Warnings: []probe.WarningCode{probe.ReviewerTokenExpiring},
		Arrange: knownReviewer(func(t *Token) {
			t.Issued, t.Expires = time.Now().Add(-100*time.Hour), time.Now().Add(time.Hour)
		})},
	{Name: "reviewer_token_bound_to_pod", Reason: none, Reviewer: none, Warnings: []probe.WarningCode{probe.ReviewerTokenBoundToPod},
		Arrange: knownReviewer(func(t *Token) { t.Pod = "vault-0" })},
	{Name: "reviewer_overprivileged", Reason: none, Reviewer: none, Warnings: []probe.WarningCode{probe.ReviewerOverprivileged},
		Arrange: func(w *World) {
			w.Kubernetes.Change(func(k *Kubernetes) { k.Admins = []string{w.Reviewer.username()} })
		}},
	{Name: "mount_ca_mismatch", Reason: none, Reviewer: none, Warnings: []probe.WarningCode{probe.MountCAMismatch},
		Arrange: func(w *World) { w.Readable(map[string]any{"kubernetes_ca_cert": readFile(w.OtherCA())}) }},
	{Name: "mount_host_differs", Reason: none, Reviewer: none, Warnings: []probe.WarningCode{probe.MountHostDiffers},
		Arrange: func(w *World) { w.Readable(map[string]any{"kubernetes_host": "https://other.example:6443"}) }},
	{Name: "mount_drift", Reason: none, Reviewer: none, Warnings: []probe.WarningCode{probe.MountDrift}, Before: func(w *World) { w.Readable(nil) },
		Arrange: func(w *World) { w.Readable(map[string]any{"issuer": "https://other.example"}) }},
	{Name: "reviewer_stale_copy", Reason: none, Reviewer: probe.ReviewerUnauthorized, Warnings: []probe.WarningCode{probe.ReviewerStaleCopy},
		Arrange: func(w *World) {
			stale := w.Reviewer
			stale.UID = "of-yesterday"
			w.SetReviewer(stale)
		}},
	{Name: "reviewer_stale_copy_missing", Reason: none, Reviewer: probe.ReviewerTokenMissing, Warnings: []probe.WarningCode{probe.ReviewerStaleCopy},
		Arrange: func(w *World) { w.Target.Reviewer.TokenFile += ".gone" }},
	{Name: "canary_token_too_wide", Reason: none, Reviewer: none, Warnings: []probe.WarningCode{probe.CanaryTokenTooWide},
		Arrange: func(w *World) {
			wide := w.Canary
			wide.Audiences = []string{"vault", APIServerAudience}
			w.SetCanary(wide)
		}},
	{Name: "role_ttl_too_long", Reason: none, Reviewer: none, Warnings: []probe.WarningCode{probe.RoleTTLTooLong},
		Arrange: withRole(func(r *Role) { r.TTL = time.Hour })},
	{Name: "token_not_revoked", Reason: none, Reviewer: none, Warnings: []probe.WarningCode{probe.TokenNotRevoked},
		Arrange: withVault(func(v *Vault) { v.KeepTokens = true })},
	{Name: "kubernetes_unreachable_from_exporter", Reason: none, Reviewer: probe.KubernetesUnreachable,
		Warnings: []probe.WarningCode{probe.KubernetesUnreachableFromExporter},
		Arrange:  func(w *World) { w.Target.Kubernetes.Host = "https://" + w.Refused() }},
	{Name: "clock_skew", Reason: none, Reviewer: none, Warnings: []probe.WarningCode{probe.ClockSkew},
		Arrange: withVault(func(v *Vault) { v.Clock = 45 * time.Second })},
}

// hanging shortens the timeout, so that what hangs need not be waited for.
func hanging(arrange func(*World)) func(*World) {
	return func(w *World) {
		w.Target.Timeout = 300 * time.Millisecond
		arrange(w)
	}
}

// kubernetesDown is an API server that fails us as it fails Vault.
func kubernetesDown(name string, reason probe.Reason, arrange func(*World), warnings ...probe.WarningCode) Scenario {
	return Scenario{Name: name, Reason: reason, Reviewer: reason, Certainty: eliminated, Warnings: warnings,
		Arrange: func(w *World) {
			w.DropReviewer()
			arrange(w)
		}}
}

func withVault(change func(*Vault)) func(*World) {
	return func(w *World) { w.Vault.Change(change) }
}

func withMount(change func(*Mount)) func(*World) {
	return withVault(func(v *Vault) { change(v.Mounts["kubernetes"]) })
}

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

// reviewSays has every review of the canary, ours and Vault's, end in this error.
func reviewSays(text string) func(*World) {
	return func(w *World) {
		w.DropReviewer()
		w.Kubernetes.Change(func(k *Kubernetes) { k.ReviewErrors[w.Canary.String()] = text })
	}
}

// reviewerToken has both Vault and the file hold a token that the API server does
// not take.
func reviewerToken(change func(*Token)) func(*World) {
	return func(w *World) {
		w.DropReviewer()
		token := w.Reviewer
		change(&token)
		w.SetReviewer(token)
	}
}

// knownReviewer has the API server take the changed token.
func knownReviewer(change func(*Token)) func(*World) {
	return func(w *World) {
		token := w.Reviewer
		change(&token)
		w.SetReviewer(token)
		w.Kubernetes.Change(func(k *Kubernetes) { k.Accounts[token.String()] = token })
	}
}

func reviewerFile(content string) func(*World) {
	return func(w *World) {
		w.DropReviewer()
		w.Target.Reviewer.TokenFile = w.File("reviewer-token", content)
	}
}

func canaryFile(content string) func(*World) {
	return func(w *World) { w.Target.Canary.TokenFile = w.File("canary-token", content) }
}

package lab

import (
	"slices"
	"testing"
)

// A wireResponse is how the servers respond while a fault is injected, seen through the proxies and with the exporter's
// files. Status 0 means no response; the text is then that of the error.
type wireResponse struct {
	loginStatus     int    // status of the canary's login
	loginText       string // a substring of its body
	reviewStatus    int    // status of a TokenReview of the canary's token, authenticated by the reviewer's
	reviewText      string // a substring of its body
	environmentOnly bool   // the fault is only in [Fault.Env]: the servers respond as in a healthy lab
}

const (
	issuedToken      = `"client_token":"hvs.`
	permissionDenied = `{"errors":["permission denied"]}` + "\n"
	authenticated    = `"authenticated":true`

	unauthorizedStatus = `"message":"Unauthorized"` // the response to any token that does not authenticate, whatever is wrong with it
	forbidden          = `forbidden: User \"system:serviceaccount:vault:vault-auth\" cannot create resource \"tokenreviews\"`
	anonymous          = `forbidden: User \"system:anonymous\" cannot create resource \"tokenreviews\"`

	timeout              = "Client.Timeout exceeded"
	connectionRefused    = "connection refused"
	certificateExpired   = "x509: certificate has expired"
	certificateWrongName = "x509: cannot validate certificate for 127.0.0.1"
	unknownAuthority     = "x509: certificate signed by unknown authority"
	plainHTTP            = "server gave HTTP response to HTTPS client"
	welcomePage          = "<title>Welcome</title>"
)

var (
	healthyResponse  = wireResponse{loginStatus: 200, loginText: issuedToken, reviewStatus: 201, reviewText: authenticated}
	environmentFault = wireResponse{loginStatus: 200, loginText: issuedToken, reviewStatus: 201, reviewText: authenticated, environmentOnly: true}
)

// deniedLogin is a login that fails with 403 and no detail, which many different faults cause.
func deniedLogin(review int, says string) wireResponse {
	return wireResponse{loginStatus: 403, loginText: permissionDenied, reviewStatus: review, reviewText: says}
}

// failedLogin is a login whose response says why it failed, with a successful TokenReview.
func failedLogin(status int, text string) wireResponse {
	return wireResponse{loginStatus: status, loginText: text, reviewStatus: 201, reviewText: authenticated}
}

// responses has a row for every fault.
var responses = map[string]wireResponse{
	// Only in the exporter's environment.
	"exporter_forbidden":   environmentFault,
	"reviewer_not_checked": environmentFault,
	"vault_dns":            environmentFault,

	// Pods can log in.
	"canary_token_too_wide":                healthyResponse,
	"certificate_expiring":                 healthyResponse,
	"certificate_expiring_exporters_ca":    healthyResponse,
	"certificate_expiring_mount_ca":        healthyResponse,
	"kubernetes_unreachable_from_exporter": {loginStatus: 200, loginText: issuedToken, reviewStatus: 0, reviewText: connectionRefused},
	"mount_accepts_invalid_token":          healthyResponse,
	"mount_ca_mismatch":                    healthyResponse,
	"mount_host_differs":                   healthyResponse,
	"mount_pem_keys_stale":                 healthyResponse,
	"reviewer_overprivileged":              healthyResponse,
	"reviewer_overprivileged_secrets":      healthyResponse,
	"role_binding_too_wide":                healthyResponse,
	"reviewer_stale_copy":                  {loginStatus: 200, loginText: issuedToken, reviewStatus: 401, reviewText: unauthorizedStatus},
	"reviewer_token_bound_to_pod":          healthyResponse,
	"reviewer_token_expiring":              healthyResponse,
	"role_policy_too_wide":                 healthyResponse,
	"role_ttl_too_long":                    healthyResponse,
	"token_signing_key_rotated":            healthyResponse,
	"role_without_audience":                healthyResponse,
	"token_not_revoked":                    healthyResponse,

	// The canary's token: the TokenReview gives the reason that the login does not.
	"canary_expired":                   {loginStatus: 403, loginText: "token is expired", reviewStatus: 201, reviewText: "service account token has expired"},
	"canary_not_yet_valid":             {loginStatus: 403, loginText: "token not yet valid", reviewStatus: 201, reviewText: "service account token is not valid yet"},
	"canary_revoked":                   deniedLogin(201, "service account token has been invalidated"),
	"canary_revoked_account_deleted":   deniedLogin(201, `serviceaccounts \"canary\" not found`),
	"canary_revoked_account_recreated": deniedLogin(201, "does not match claim"),
	"canary_revoked_secret":            deniedLogin(201, "service account token has been invalidated"),
	"canary_token_malformed":           deniedLogin(201, `"error":"invalid bearer token"`),
	"canary_token_missing":             {loginStatus: 400, loginText: "missing jwt", reviewStatus: 400, reviewText: "token is required for TokenReview"},
	"canary_wrong_audience":            {loginStatus: 403, loginText: "invalid audience (aud) claim", reviewStatus: 201, reviewText: `token audiences [\"somebody-else\"] is invalid`},
	"canary_wrong_cluster":             deniedLogin(201, `"error":"invalid bearer token"`),
	"canary_wrong_cluster_key":         deniedLogin(201, "invalid signature, no keys found"),

	// The reviewer's token, the same in the file and in Vault.
	"reviewer_expired":                      deniedLogin(401, unauthorizedStatus),
	"reviewer_not_yet_valid":                deniedLogin(401, unauthorizedStatus),
	"reviewer_revoked":                      deniedLogin(401, unauthorizedStatus),
	"reviewer_revoked_account_deleted":      deniedLogin(401, unauthorizedStatus),
	"reviewer_revoked_account_recreated":    deniedLogin(401, unauthorizedStatus),
	"reviewer_revoked_legacy_secret":        deniedLogin(401, unauthorizedStatus),
	"reviewer_revoked_legacy_secret_unused": deniedLogin(401, unauthorizedStatus),
	"reviewer_revoked_secret":               deniedLogin(401, unauthorizedStatus),
	"reviewer_token_malformed":              deniedLogin(401, unauthorizedStatus),
	"reviewer_unauthorized":                 deniedLogin(401, unauthorizedStatus),
	"reviewer_wrong_audience":               deniedLogin(401, unauthorizedStatus),
	"reviewer_wrong_cluster":                deniedLogin(401, unauthorizedStatus),
	"reviewer_wrong_cluster_key":            deniedLogin(401, unauthorizedStatus),
	"reviewer_token_missing":                deniedLogin(403, anonymous),
	"reviewer_forbidden":                    deniedLogin(403, forbidden),
	"reviewer_forbidden_no_such_role":       deniedLogin(403, `clusterrole.rbac.authorization.k8s.io \"system:nonsense\" not found`),
	"reviewer_forbidden_role_binding":       deniedLogin(403, forbidden),

	// Only Vault's side is wrong: the TokenReview succeeds and the login is denied without detail.
	"canary_entity_disabled":                          deniedLogin(201, authenticated),
	"canary_wrong_audience_self_review":               deniedLogin(201, authenticated),
	"mount_missing":                                   deniedLogin(201, authenticated),
	"mount_missing_moved":                             deniedLogin(201, authenticated),
	"mount_pem_keys_mismatch":                         deniedLogin(201, authenticated),
	"reviewer_drift":                                  deniedLogin(201, authenticated),
	"reviewer_drift_forbidden":                        deniedLogin(201, authenticated),
	"reviewer_drift_unset":                            deniedLogin(201, authenticated),
	"reviewer_forbidden_self_review":                  deniedLogin(201, authenticated),
	"role_cidr_mismatch":                              deniedLogin(201, authenticated),
	"vault_to_kubernetes_failed":                      deniedLogin(201, authenticated),
	"vault_to_kubernetes_misconfigured":               deniedLogin(201, authenticated),
	"vault_to_kubernetes_misconfigured_not_apiserver": deniedLogin(201, authenticated),
	"vault_to_kubernetes_proxy":                       deniedLogin(201, authenticated),
	"vault_to_kubernetes_tls":                         deniedLogin(201, authenticated),
	"vault_to_kubernetes_tls_name":                    deniedLogin(201, authenticated),
	"vault_to_kubernetes_tls_other_cluster":           deniedLogin(201, authenticated),
	"vault_to_kubernetes_tls_plain":                   deniedLogin(201, authenticated),
	"vault_to_kubernetes_unreachable":                 deniedLogin(201, authenticated),
	"vault_to_kubernetes_unreachable_dns":             deniedLogin(201, authenticated),
	"vault_to_kubernetes_timeout":                     failedLogin(0, timeout),

	// Mount and role: the login's response gives the reason.
	"mount_annotations_forbidden":      failedLogin(500, "failed to get service account (code 403"),
	"mount_config_missing":             failedLogin(500, "could not load backend configuration"),
	"mount_issuer_mismatch":            failedLogin(403, "invalid issuer (iss) claim"),
	"mount_wrong_type":                 failedLogin(500, "failed to determine alias name from login request"),
	"role_audience_mismatch":           failedLogin(403, "invalid audience (aud) claim"),
	"role_mfa_required":                failedLogin(200, `"client_token":"","accessor":""`),
	"role_missing":                     failedLogin(400, `invalid role name \"canary\"`),
	"role_namespace_mismatch":          failedLogin(403, `"namespace not authorized"`),
	"role_namespace_mismatch_selector": failedLogin(403, `"namespace not authorized"`),
	"role_namespace_selector_failed":   failedLogin(403, "namespace not authorized err=failed to get namespace (code 403"),
	"role_policy_invalid":              failedLogin(400, "auth methods cannot create root tokens"),
	"role_service_account_mismatch":    failedLogin(403, "service account name not authorized"),

	// Vault, and the connection to it.
	"vault_bad_response":   failedLogin(200, welcomePage),
	"vault_internal_error": failedLogin(500, `"internal error"`),
	"vault_rate_limited":   failedLogin(429, "rate limit quota exceeded"),
	"vault_no_backend":     failedLogin(502, ""),
	"vault_redirect":       failedLogin(307, ""),
	"vault_sealed":         failedLogin(503, "Vault is sealed"),
	"vault_timeout":        failedLogin(0, timeout),
	"vault_tls_expired":    failedLogin(0, certificateExpired),
	"vault_tls_failed":     failedLogin(0, plainHTTP),
	"vault_tls_name":       failedLogin(0, certificateWrongName),
	"vault_tls_untrusted":  failedLogin(0, unknownAuthority),
	"vault_uninitialized":  failedLogin(503, "Vault is sealed"),
	"vault_unreachable":    failedLogin(0, connectionRefused),

	// A standby that has lost the leader redirects, or forwards until its connection to the leader times out.
	"vault_no_leader_leader_silent":  failedLogin(0, timeout),
	"vault_no_leader_leader_stopped": failedLogin(307, ""),
	"vault_no_leader_quorum_lost":    failedLogin(307, ""),

	// Kubernetes, for the exporter and Vault alike.
	"kubernetes_bad_response":  deniedLogin(200, welcomePage),
	"kubernetes_dns":           deniedLogin(201, authenticated), // only the configured name is wrong; this test connects to the address
	"kubernetes_throttled":     deniedLogin(429, "Too many requests"),
	"kubernetes_timeout":       {loginStatus: 0, loginText: timeout, reviewStatus: 0, reviewText: timeout},
	"kubernetes_tls_expired":   deniedLogin(0, certificateExpired),
	"kubernetes_tls_failed":    deniedLogin(0, plainHTTP),
	"kubernetes_tls_name":      deniedLogin(0, certificateWrongName),
	"kubernetes_tls_untrusted": deniedLogin(0, unknownAuthority),
	"kubernetes_unavailable":   deniedLogin(503, "ServiceUnavailable"),
	"kubernetes_unreachable":   deniedLogin(0, connectionRefused),
}

func TestEveryFaultHasAResponse(t *testing.T) {
	var names []string
	for _, f := range Faults() {
		names = append(names, f.Name)
		row, ok := responses[f.Name]
		if !ok {
			t.Errorf("responses has no row for %s", f.Name)
		}
		if row.environmentOnly && f.Env == nil {
			t.Errorf("%s has no environment", f.Name)
		}
	}
	for name := range responses {
		if !slices.Contains(names, name) {
			t.Errorf("responses has a row for %s, which is not a fault", name)
		}
	}
}

package lab

import (
	"slices"
	"testing"
)

// An answer is what the servers say on the wire while a fault is injected, through the proxies and with the files that the
// exporter has. Status 0 is no answer: then the text is that of the error.
type answer struct {
	login  int    // status of the canary's login
	text   string // a part of its body
	review int    // status of a TokenReview of the canary's token by the reviewer
	says   string // a part of its body
	env    bool   // the fault is in [Fault.Env] alone, of which the servers know nothing
}

const (
	token = `"client_token":"hvs.`
	bare  = `{"errors":["permission denied"]}` + "\n"
	known = `"authenticated":true`

	unknown   = `"message":"Unauthorized"` // whatever is wrong with the reviewer's token
	forbidden = `forbidden: User \"system:serviceaccount:vault:vault-auth\" cannot create resource \"tokenreviews\"`
	anonymous = `forbidden: User \"system:anonymous\" cannot create resource \"tokenreviews\"`

	timeout   = "Client.Timeout exceeded"
	refusal   = "connection refused"
	outOfDate = "x509: certificate has expired"
	otherName = "x509: cannot validate certificate for 127.0.0.1"
	stranger  = "x509: certificate signed by unknown authority"
	plainHTTP = "server gave HTTP response to HTTPS client"
	welcome   = "<title>Welcome</title>"
)

var (
	health = answer{login: 200, text: token, review: 201, says: known}
	inEnv  = answer{login: 200, text: token, review: 201, says: known, env: true}
)

// bareLogin is what nine families of causes look like from outside.
func bareLogin(review int, says string) answer {
	return answer{login: 403, text: bare, review: review, says: says}
}

// refusedLogin says why.
func refusedLogin(status int, text string) answer {
	return answer{login: status, text: text, review: 201, says: known}
}

// answers has a row for every fault.
var answers = map[string]answer{
	// In the exporter's environment alone.
	"exporter_forbidden":   inEnv,
	"reviewer_not_checked": inEnv,
	"vault_dns":            inEnv,

	// Pods go on logging in.
	"canary_token_too_wide":                health,
	"certificate_expiring":                 health,
	"kubernetes_unreachable_from_exporter": {login: 200, text: token, review: 0, says: refusal},
	"mount_ca_mismatch":                    health,
	"mount_host_differs":                   health,
	"reviewer_overprivileged":              health,
	"reviewer_stale_copy":                  {login: 200, text: token, review: 401, says: unknown},
	"reviewer_token_bound_to_pod":          health,
	"reviewer_token_expiring":              health,
	"role_ttl_too_long":                    health,
	"token_not_revoked":                    health,

	// The canary's token: the review says what the login does not.
	"canary_expired":                   {login: 403, text: "token is expired", review: 201, says: "service account token has expired"},
	"canary_not_yet_valid":             {login: 403, text: "token not yet valid", review: 201, says: "service account token is not valid yet"},
	"canary_revoked":                   bareLogin(201, "service account token has been invalidated"),
	"canary_revoked_account_deleted":   bareLogin(201, `serviceaccounts \"canary\" not found`),
	"canary_revoked_account_recreated": bareLogin(201, "does not match claim"),
	"canary_revoked_secret":            bareLogin(201, "service account token has been invalidated"),
	"canary_token_malformed":           bareLogin(201, `"error":"invalid bearer token"`),
	"canary_token_missing":             {login: 400, text: "missing jwt", review: 400, says: "token is required for TokenReview"},
	"canary_wrong_audience":            {login: 403, text: "invalid audience (aud) claim", review: 201, says: `token audiences [\"somebody-else\"] is invalid`},
	"canary_wrong_cluster":             bareLogin(201, `"error":"invalid bearer token"`),
	"canary_wrong_cluster_key":         bareLogin(201, "invalid signature, no keys found"),

	// The reviewer's token, the same one in the file and in Vault.
	"reviewer_expired":                   bareLogin(401, unknown),
	"reviewer_not_yet_valid":             bareLogin(401, unknown),
	"reviewer_revoked":                   bareLogin(401, unknown),
	"reviewer_revoked_account_deleted":   bareLogin(401, unknown),
	"reviewer_revoked_account_recreated": bareLogin(401, unknown),
	"reviewer_revoked_legacy_secret":     bareLogin(401, unknown),
	"reviewer_revoked_secret":            bareLogin(401, unknown),
	"reviewer_token_malformed":           bareLogin(401, unknown),
	"reviewer_unauthorized":              bareLogin(401, unknown),
	"reviewer_wrong_audience":            bareLogin(401, unknown),
	"reviewer_wrong_cluster":             bareLogin(401, unknown),
	"reviewer_wrong_cluster_key":         bareLogin(401, unknown),
	"reviewer_token_missing":             bareLogin(403, anonymous),
	"reviewer_forbidden":                 bareLogin(403, forbidden),
	"reviewer_forbidden_no_such_role":    bareLogin(403, `clusterrole.rbac.authorization.k8s.io \"system:nonsense\" not found`),
	"reviewer_forbidden_role_binding":    bareLogin(403, forbidden),

	// What Vault alone uses is wrong: a good review beside a bare login.
	"canary_entity_disabled":                          bareLogin(201, known),
	"canary_wrong_audience_self_review":               bareLogin(201, known),
	"mount_missing":                                   bareLogin(201, known),
	"mount_missing_moved":                             bareLogin(201, known),
	"mount_pem_keys_mismatch":                         bareLogin(201, known),
	"reviewer_drift":                                  bareLogin(201, known),
	"reviewer_drift_forbidden":                        bareLogin(201, known),
	"reviewer_drift_unset":                            bareLogin(201, known),
	"reviewer_forbidden_self_review":                  bareLogin(201, known),
	"role_cidr_mismatch":                              bareLogin(201, known),
	"vault_to_kubernetes_failed":                      bareLogin(201, known),
	"vault_to_kubernetes_misconfigured":               bareLogin(201, known),
	"vault_to_kubernetes_misconfigured_not_apiserver": bareLogin(201, known),
	"vault_to_kubernetes_tls":                         bareLogin(201, known),
	"vault_to_kubernetes_tls_name":                    bareLogin(201, known),
	"vault_to_kubernetes_tls_other_cluster":           bareLogin(201, known),
	"vault_to_kubernetes_tls_plain":                   bareLogin(201, known),
	"vault_to_kubernetes_unreachable":                 bareLogin(201, known),
	"vault_to_kubernetes_unreachable_dns":             bareLogin(201, known),
	"vault_to_kubernetes_timeout":                     refusedLogin(0, timeout),

	// Mount and role: the login says why.
	"mount_annotations_forbidden":      refusedLogin(500, "failed to get service account (code 403"),
	"mount_config_missing":             refusedLogin(500, "could not load backend configuration"),
	"mount_issuer_mismatch":            refusedLogin(403, "invalid issuer (iss) claim"),
	"mount_wrong_type":                 refusedLogin(500, "failed to determine alias name from login request"),
	"role_audience_mismatch":           refusedLogin(403, "invalid audience (aud) claim"),
	"role_mfa_required":                refusedLogin(200, `"client_token":"","accessor":""`),
	"role_missing":                     refusedLogin(400, `invalid role name \"canary\"`),
	"role_namespace_mismatch":          refusedLogin(403, `"namespace not authorized"`),
	"role_namespace_mismatch_selector": refusedLogin(403, `"namespace not authorized"`),
	"role_namespace_selector_failed":   refusedLogin(403, "namespace not authorized err=failed to get namespace (code 403"),
	"role_policy_invalid":              refusedLogin(400, "auth methods cannot create root tokens"),
	"role_service_account_mismatch":    refusedLogin(403, "service account name not authorized"),

	// Vault, and the way to it.
	"vault_bad_response":   refusedLogin(200, welcome),
	"vault_internal_error": refusedLogin(500, `"internal error"`),
	"vault_rate_limited":   refusedLogin(429, "rate limit quota exceeded"),
	"vault_redirect":       refusedLogin(307, ""),
	"vault_sealed":         refusedLogin(503, "Vault is sealed"),
	"vault_timeout":        refusedLogin(0, timeout),
	"vault_tls_expired":    refusedLogin(0, outOfDate),
	"vault_tls_failed":     refusedLogin(0, plainHTTP),
	"vault_tls_name":       refusedLogin(0, otherName),
	"vault_tls_untrusted":  refusedLogin(0, stranger),
	"vault_uninitialized":  refusedLogin(503, "Vault is sealed"),
	"vault_unreachable":    refusedLogin(0, refusal),

	// Kubernetes, for the exporter and for Vault alike.
	"kubernetes_bad_response":  bareLogin(200, welcome),
	"kubernetes_dns":           bareLogin(201, known), // whoever knows the address is answered
	"kubernetes_throttled":     bareLogin(429, "Too many requests"),
	"kubernetes_timeout":       {login: 0, text: timeout, review: 0, says: timeout},
	"kubernetes_tls_expired":   bareLogin(0, outOfDate),
	"kubernetes_tls_failed":    bareLogin(0, plainHTTP),
	"kubernetes_tls_name":      bareLogin(0, otherName),
	"kubernetes_tls_untrusted": bareLogin(0, stranger),
	"kubernetes_unavailable":   bareLogin(503, "ServiceUnavailable"),
	"kubernetes_unreachable":   bareLogin(0, refusal),
}

func TestEveryFaultHasItsAnswer(t *testing.T) {
	var names []string
	for _, f := range Faults() {
		names = append(names, f.Name)
		row, ok := answers[f.Name]
		if !ok {
			t.Errorf("answers has no row for %s", f.Name)
		}
		if row.env && f.Env == nil {
			t.Errorf("%s is not in the exporter's environment", f.Name)
		}
	}
	for name := range answers {
		if !slices.Contains(names, name) {
			t.Errorf("answers has a row for %s, which is no fault", name)
		}
	}
}

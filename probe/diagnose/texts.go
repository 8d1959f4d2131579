package diagnose

import (
	"slices"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// said maps a server's words to what they prove.
type said struct {
	status int // 0: any
	text   string
	reason Reason
}

// loginTexts are the refusals of auth/<mount>/login that speak for themselves, in
// the order in which they are looked for.
var loginTexts = []said{
	{503, evidence.TextSealed, VaultSealed},
	{429, "lease count quota exceeded", VaultLeaseQuota},
	{429, "", VaultRateLimited},
	{503, evidence.TextOverloaded, VaultOverloaded},
	{0, "API access to this namespace has been locked", VaultNamespaceUnavailable},
	{0, "namespace is sealed", VaultNamespaceUnavailable}, // OpenBao 2.6
	{404, "namespace not found", VaultNamespaceMissing},   // OpenBao
	{500, "local node not active", VaultNoLeader},
	{503, "no active Vault instance found", VaultNoLeader},
	{503, "node is not active", VaultNoLeader},
	{412, "", VaultNoLeader}, // required index state not present
	{472, "", VaultNoLeader},
	{474, "", VaultNoLeader},
	{530, "", VaultNoLeader},
	{400, "in replication DR secondary mode", VaultNoLeader}, // Enterprise

	{404, "no handler for route", MountMissing},
	{400, "missing client token", MountMissing}, // Vault 1.9 and older
	{500, "could not load backend configuration", MountConfigMissing},
	{500, "/ca.crt: no such file", MountLocalCAUnreadable},
	{0, "invalid issuer (iss) claim", MountIssuerMismatch},
	{500, `claim "iss" is invalid`, MountIssuerMismatch}, // plugin 0.12 and older
	{500, "failed to get service account", MountAnnotationsForbidden},

	{400, evidence.TextInvalidRole, RoleMissing},
	{0, "service account name not authorized", RoleServiceAccountMismatch},
	{0, "namespace not authorized err=", RoleNamespaceSelectorFailed},
	{0, "namespace not authorized", RoleNamespaceMismatch},
	{0, "invalid audience (aud) claim", RoleAudienceMismatch},
	{500, `claim "aud" is invalid`, RoleAudienceMismatch}, // plugin 0.12 and older
	{400, "auth methods cannot create root tokens", RolePolicyInvalid},
	{400, "cannot assign policy", RolePolicyInvalid},
	{200, evidence.TextMFARequired, RoleMFARequired},

	{0, evidence.TextExpired, CanaryExpired},
	{0, "invalid not before (nbf) claim", CanaryNotYetValid},
	{0, "invalid issued at (iat) claim", CanaryNotYetValid},
	{403, "invalid algorithm (alg) header", CanaryRejected},
	{500, "error(s) decoding", CanaryTokenMalformed},
	{500, "could not parse UID from claims", CanaryTokenMalformed},
	{500, "service account namespace and name must be set", CanaryTokenMalformed},

	{500, "failed to determine alias name", MountWrongType}, // approle; the Kubernetes plugin is not asked that at a login

	{500, "", VaultInternalError},
	{502, "", VaultInternalError},
	{503, "", VaultInternalError},
	{400, "x-forwarded-for", VaultBadResponse},
	{400, "", MountWrongType}, // such as jwt: role "x" could not be found
	{405, "", MountWrongType},
	{200, "", VaultBadResponse},
}

// loginReason is what a refusal of the login proves, or Unexplained.
func loginReason(f evidence.Failure) Reason {
	for _, s := range loginTexts {
		if (s.status == 0 || s.status == f.Status) && evidence.Contains(f.Text, s.text) {
			return s.reason
		}
	}
	return Unexplained
}

// reviewTexts are what a TokenReview's status.error says of the reviewed token.
// The text is an aggregate that also says "invalid bearer token" where another
// authenticator said more, so that stands last.
var reviewTexts = []said{
	{0, "has expired", CanaryExpired},
	{0, "not valid yet", CanaryNotYetValid},
	{0, "issued in the future", CanaryNotYetValid},
	{0, "invalid for the target audiences", CanaryWrongAudience},
	{0, "has been invalidated", CanaryRevoked},
	{0, "has been deleted", CanaryRevoked},
	{0, "not found", CanaryRevoked},
	{0, "does not match", CanaryRevoked},
	{0, "has been marked invalid", CanaryRevoked},
	{0, "no keys found", CanaryWrongCluster},
	{0, "error in cryptographic primitive", CanaryWrongCluster},
	{0, "context deadline exceeded", KubernetesUnavailable},
	{0, "authentication failed unexpectedly", KubernetesUnavailable},
	{0, "webhook", KubernetesUnavailable},
	{0, "claim is missing", CanaryTokenMalformed},
	{0, "invalid bearer token", CanaryWrongCluster},
}

// reviewerReasonFor are the same findings where the reviewed token is the reviewer's.
var reviewerReasonFor = map[Reason]Reason{
	CanaryExpired:       ReviewerExpired,
	CanaryNotYetValid:   ReviewerNotYetValid,
	CanaryWrongAudience: ReviewerWrongAudience,
	CanaryRevoked:       ReviewerRevoked,
	CanaryWrongCluster:  ReviewerWrongCluster,
}

// reviewReason is what a TokenReview's error proves of the canary.
func reviewReason(text string) Reason {
	for _, s := range reviewTexts {
		if evidence.Contains(text, s.text) {
			return s.reason
		}
	}
	return CanaryRejected
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// diagnosticTexts are what Vault repeats of its call to Kubernetes, timeouts before the
// TLS and connection errors in whose texts they stand.
var diagnosticTexts = []said{
	{0, "TokenReviewer JWT needs to be configured", ReviewerDrift}, // it reviews as the client itself
	{0, "code 401", ReviewerDrift},
	{0, `User "system:anonymous"`, ReviewerDrift},                       // it sends no token
	{0, "failed to parse error status", VaultToKubernetesMisconfigured}, // not an API server
	{0, "status )", VaultToKubernetesMisconfigured},                     // JSON, but not an API server's
	{0, "cannot get path", VaultToKubernetesMisconfigured},              // a path in front of the API
	{0, "first path segment in URL", VaultToKubernetesMisconfigured},    // a host without a scheme
	{0, "unsupported protocol scheme", VaultToKubernetesMisconfigured},
	{0, "invalid character", VaultToKubernetesMisconfigured},
	{0, "code 403", None},
	{0, "code 404", None},
	{0, "timeout", VaultToKubernetesTimeout},
	{0, "deadline exceeded", VaultToKubernetesTimeout},
	{0, "x509:", VaultToKubernetesTLS},
	{0, "tls:", VaultToKubernetesTLS},
	{0, "server gave HTTP response to HTTPS client", VaultToKubernetesTLS},
	{0, "no such host", VaultToKubernetesUnreachable},
	{0, "connection refused", VaultToKubernetesUnreachable},
	{0, "connection reset", VaultToKubernetesUnreachable},
	{0, "no route to host", VaultToKubernetesUnreachable},
	{0, "unreachable", VaultToKubernetesUnreachable},
	{0, "proxyconnect", VaultToKubernetesUnreachable},
	{0, "EOF", VaultToKubernetesUnreachable},
}

package diagnose

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// textReason maps an error text of a server to what it proves.
type textReason struct {
	status int // 0 means any
	text   string
	reason Reason
}

// loginTexts are the errors of auth/<mount>/login whose text proves the cause. The first
// match counts.
var loginTexts = []textReason{
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

	{404, "backend is nil", VaultInternalError}, // its plugin could not be loaded, or a paths filter of Enterprise
	{404, "no handler for route", MountMissing},
	{400, "missing client token", MountMissing}, // Vault 1.9 and older
	{500, "could not load backend configuration", MountConfigMissing},
	{500, "open /var/run/secrets/kubernetes.io/serviceaccount/ca.crt: ", MountLocalCAUnreadable},
	{0, "invalid issuer (iss) claim", MountIssuerMismatch},
	{500, `claim "iss" is invalid`, MountIssuerMismatch},                                  // plugin 0.12 and older
	{500, "failed to validate JWT: crypto/rsa: verification error", MountPEMKeysMismatch}, // plugin 0.12 and older
	{500, "failed to get service account", MountAnnotationsForbidden},
	{500, "failed to parse error status on service account", MountAnnotationsForbidden},
	{500, "/serviceaccounts/", MountAnnotationsForbidden}, // the URL of the call that failed

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

	{500, "failed to determine alias name", MountWrongType}, // approle; a login never gets this from the Kubernetes plugin

	{500, "missing role_id", MountWrongType},                 // OpenBao's approle
	{500, "backend kerberos not configured", MountWrongType}, // kerberos
	{500, "configuration has not been set", MountWrongType},  // github

	{500, "failed to get the response: ", VaultNoBackend}, // Vault Proxy or Agent
	{500, "", VaultInternalError},
	{502, "", VaultInternalError},
	{503, "", VaultInternalError},
	{400, "x-forwarded-for", VaultForwardedForRejected},
	{400, `" could not be found`, MountWrongType}, // jwt: role "x" could not be found
	{200, "", VaultBadResponse},
}

// unknownLoginTexts are errors whose text no known version of the plugin uses: the cause is
// not proven.
var unknownLoginTexts = []textReason{
	{400, "", MountWrongType},
	{405, "", MountWrongType},
}

// loginReason returns the reason that an error of the login proves or, if certain is false,
// suggests; Unexplained if it does neither.
func loginReason(f evidence.Failure) (reason Reason, certain bool) {
	says := func(s textReason) bool {
		return (s.status == 0 || s.status == f.Status) && evidence.Contains(f.Text, s.text)
	}
	if i := slices.IndexFunc(loginTexts, says); i >= 0 {
		return loginTexts[i].reason, true
	}
	if i := slices.IndexFunc(unknownLoginTexts, says); i >= 0 {
		return unknownLoginTexts[i].reason, false
	}
	return Unexplained, false
}

// reviewMessage matches one complete message in a TokenReview's status.error.
type reviewMessage struct {
	pattern *regexp.Regexp
	reason  Reason
	// ambiguous is set where the message has other causes too.
	ambiguous bool
}

// message returns a match for one message of the list in which the API server reports the
// error of each authenticator: "[invalid bearer token, service account token has expired]".
func message(pattern string, reason Reason) reviewMessage {
	return reviewMessage{pattern: regexp.MustCompile(`(?i)(?:^|\[|, )` + pattern + `(?:$|\]|, )`), reason: reason}
}

// reviewMessages are the errors of the API server's own authenticators, Kubernetes 1.21 to
// 1.37. Other texts come from webhooks, or report failures of these and of OIDC providers.
var reviewMessages = []reviewMessage{
	message(`(?:service account )?token has expired\.?`, CanaryExpired),
	message(`service account token is not valid yet`, CanaryNotYetValid),
	message(`service account token is issued in the future`, CanaryNotYetValid),
	message(`token audiences \[[^\]]*\] is invalid for the target audiences \[[^\]]*\]`, CanaryWrongAudience),
	message(`(?:service account )?token has been invalidated`, CanaryRevoked),
	message(`service ?account [^ ,]+ has been deleted`, CanaryRevoked),
	message(`serviceaccounts "[^"]*" not found`, CanaryRevoked),
	message(`service ?account UID \([^)]*\) does not match claim \([^)]*\)`, CanaryRevoked),
	message(`(?:pod|secret|node) UID \([^)]*\) does not match service account (?:pod|secret|node) ref claim \([^)]*\)`, CanaryRevoked),
	message(`token does not match server's copy`, CanaryRevoked),
	message(`the token in secret [^ ,]+ for service account [^ ,]+ has been marked invalid\..*`, CanaryRevoked),
	message(`invalid signature, no keys found`, CanaryWrongCluster),
	message(`(?:square/go-jose|go-jose/go-jose): error in cryptographic primitive`, CanaryWrongCluster).orDamaged(),
	message(`(?:namespace|secretName|serviceAccountName|serviceAccountUID|sub) claim is (?:missing|invalid)`, CanaryTokenMalformed),
	message(`oidc: verify token: oidc: token is expired .*`, CanaryExpired),
	message(`oidc: verify token: oidc: current time .* before the nbf .*`, CanaryNotYetValid),
	message(`oidc: verify token: oidc: expected audience .*`, CanaryWrongAudience),
	message(`context deadline exceeded`, KubernetesUnavailable),
	message(`Internal error occurred: (?:authentication failed unexpectedly|error validating audiences)`, KubernetesUnavailable),
	{pattern: regexp.MustCompile(`(?i)^\[?invalid bearer token(?:, (?:token lookup failed|unknown))*\]?$`), reason: CanaryWrongCluster}, // no authenticator knows the token
}

// orDamaged is for a message that a token whose end is missing causes too.
func (m reviewMessage) orDamaged() reviewMessage {
	m.ambiguous = true
	return m
}

// backendFailure matches a failure of an authenticator's backend: a webhook, an OIDC
// provider, etcd.
var backendFailure = regexp.MustCompile(`(?i)dial tcp|i/o timeout|connection (?:refused|reset)|no such host|x509:|tls: |EOF|etcdserver: |webhook|(?:Get|Post) "https?://|\b(?:404|429|50[0-9])\b`)

// keysMissing matches what the API server says of every token of an identity provider whose keys it
// does not have (seen with Kubernetes 1.36; the source of 1.37 has the same texts).
var keysMissing = regexp.MustCompile(`oidc: (?:authenticator not initialized|verify token: failed to verify signature: fetching keys )`)

// isUnverified reports whether a TokenReview's error says that an authenticator could not judge the
// token. An identity provider's text on the token itself may hold any word.
func isUnverified(text string) bool {
	if evidence.Contains(text, "oidc: ") {
		return keysMissing.MatchString(text)
	}
	reason, _ := reviewReason(text, evidence.Claims{}, time.Time{})
	return reason == KubernetesUnavailable
}

// reviewerReasonFor maps a reason about the canary's token to the same one about the
// reviewer's.
var reviewerReasonFor = map[Reason]Reason{
	CanaryExpired:       ReviewerExpired,
	CanaryNotYetValid:   ReviewerNotYetValid,
	CanaryWrongAudience: ReviewerWrongAudience,
	CanaryRevoked:       ReviewerRevoked,
	CanaryWrongCluster:  ReviewerWrongCluster,
}

// reviewReason returns what a TokenReview's error says about the reviewed token. It is not
// certain if the text is not from the API server's own authenticators, if authenticators
// contradict each other, or if the token's own times, at now, contradict the text.
func reviewReason(text string, c evidence.Claims, now time.Time) (reason Reason, certain bool) {
	for _, m := range reviewMessages {
		switch {
		case !m.pattern.MatchString(text):
		case reason == "":
			reason, certain = m.reason, !m.ambiguous
		case reason != m.reason:
			certain = false
		}
	}
	switch reason {
	case "":
	case CanaryExpired:
		return reason, certain && c.Expired(now)
	case CanaryNotYetValid:
		return reason, certain && (c.NotYetValid(now) || c.IssuedAhead(now))
	default:
		return reason, certain
	}
	if backendFailure.MatchString(text) {
		return KubernetesUnavailable, false
	}
	return CanaryRejected, false
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// answeredTexts are errors of Vault's call to Kubernetes that was answered. What the answer
// quotes about other connections says nothing about Vault's.
var answeredTexts = []textReason{
	{0, "(code 5", VaultToKubernetesFailed}, // from the API server, or from what is in front of it
	{0, textUnauthorized, ReviewerDrift},
	{0, "code 401", VaultToKubernetesMisconfigured},        // a proxy's own 401
	{0, `User "system:anonymous"`, ReviewerDrift},          // it sends no reviewer token
	{0, "status )", VaultToKubernetesMisconfigured},        // JSON, but not an API server's
	{0, "cannot get path", VaultToKubernetesMisconfigured}, // a path in front of the API
	{0, "code 403", None},
	{0, "code 404", None},
}

const (
	// answered is part of every text about an answer with a Status.
	answered = " (code "
	// textUnauthorized is part of the text if that was the API server's own 401.
	textUnauthorized = "code 401 status Unauthorized"
	// textNoReviewer is the text without a reviewer token, before any call.
	textNoReviewer = "TokenReviewer JWT needs to be configured"
)

// requestURL is how Go names the request that failed: it may hold any word.
var requestURL = regexp.MustCompile(`(?:Get|Post) "([^"]*)"`)

// calledURL returns the URL of the request that failed, empty if the text has none.
func calledURL(text string) string {
	if match := requestURL.FindStringSubmatch(text); match != nil {
		return match[1]
	}
	return ""
}

// proxyRefused reports whether Vault's text is about a proxy in Vault's own environment. Go
// reports a proxy that it does not reach with a prefix, and of an answer to CONNECT nothing but
// the text of its status.
func proxyRefused(text string) bool {
	_, cause, _ := strings.Cut(requestURL.ReplaceAllString(text, `"`), `": `)
	for _, prefix := range []string{"proxyconnect ", "socks connect "} {
		if strings.HasPrefix(cause, prefix) {
			return true
		}
	}
	return slices.Contains(statusTexts, cause)
}

// statusTexts are those of every HTTP status but success, and Go's where a response has none.
var statusTexts = func() []string {
	texts := []string{"unknown status code"}
	for status := http.StatusMultipleChoices; status < 600; status++ {
		if text := http.StatusText(status); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}()

// diagnosticTexts are errors of Vault's call to Kubernetes that was not answered with a
// Status. Timeouts come before the TLS and connection errors whose texts contain them.
var diagnosticTexts = []textReason{
	{0, textNoReviewer, ReviewerDrift},                                  // it reviews with the client's own token
	{0, "failed to parse error status", VaultToKubernetesMisconfigured}, // not an API server
	{0, "first path segment in URL", VaultToKubernetesMisconfigured},    // a host without a scheme
	{0, "unsupported protocol scheme", VaultToKubernetesMisconfigured},
	{0, "invalid character 'T' looking for beginning of value", VaultToKubernetesFailed}, // 429 in plain text: Too many requests
	{0, "invalid character", VaultToKubernetesMisconfigured},
	{0, "dial tcp: lookup", VaultToKubernetesUnreachable}, // any DNS error, including a timeout
	{0, "server misbehaving", VaultToKubernetesUnreachable},
	{0, "timeout", VaultToKubernetesTimeout},
	{0, "timed out", VaultToKubernetesTimeout},
	{0, "deadline exceeded", VaultToKubernetesTimeout},
	{0, "x509:", VaultToKubernetesTLS},
	{0, "tls:", VaultToKubernetesTLS},
	{0, "server gave HTTP response to HTTPS client", VaultToKubernetesTLS},
	{0, "no such host", VaultToKubernetesUnreachable},
	{0, "connection refused", VaultToKubernetesUnreachable},
	{0, "connection reset", VaultToKubernetesUnreachable},
	{0, "no route to host", VaultToKubernetesUnreachable},
	{0, "unreachable", VaultToKubernetesUnreachable},
	{0, "operation not permitted", VaultToKubernetesUnreachable}, // a NetworkPolicy that rejects
	{0, "EOF", VaultToKubernetesUnreachable},
}

package diagnose

import (
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// TestTextsOfIdentityProviders has what the API server's OpenID Connect authenticator says: of a token, and
// where it cannot judge one. What it says of a token may hold any word.
func TestTextsOfIdentityProviders(t *testing.T) {
	const verify, fetching = "oidc: verify token: ", "oidc: verify token: failed to verify signature: fetching keys "
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	expired, early := evidence.Claims{Expires: now.Add(-time.Hour)}, evidence.Claims{NotBefore: now.Add(time.Hour)}
	for _, test := range []struct {
		said       string
		claims     evidence.Claims
		reason     Reason
		certain    bool
		unverified bool
	}{
		{verify + `oidc: expected audience "kubernetes" got ["web"]`, evidence.Claims{}, CanaryWrongAudience, true, false},
		{verify + `oidc: expected audience in ["a" "b"] got ["c" "d, e"]`, evidence.Claims{}, CanaryWrongAudience, true, false},
		{verify + `oidc: expected audience "api://[::1]:8443" got ["https://[::1]:8443"]`, evidence.Claims{}, CanaryWrongAudience, true, false},
		{verify + `oidc: expected audience "kubernetes" got ["https://one.example" "https://t…`, evidence.Claims{}, CanaryWrongAudience, true, false},
		{verify + "oidc: token is expired (Token Expiry: 2026-11-28 11:00:00 +0000 UTC)", expired, CanaryExpired, true, false},
		{verify + "oidc: token is expired (Token Expiry: 2026-11-28 11:00:00 +0000 UTC)", evidence.Claims{}, CanaryExpired, false, false},
		{verify + "oidc: current time 2026-11-28 12:00:00 +0000 UTC before the nbf (not before) time: 2026-11-28 13:00:00 +0000 UTC", early, CanaryNotYetValid, true, false},
		{verify + "failed to verify signature: failed to verify id token signature", evidence.Claims{}, CanaryRejected, false, false},
		{"oidc: required claim tenant value does not match. Got = 404, want = 17", evidence.Claims{}, "", false, false},
		{"oidc: required claim azp value does not match. Got = ci-webhook, want = vault", evidence.Claims{}, "", false, false},
		{"oidc: authenticator not initialized", evidence.Claims{}, "", false, true},
		{fetching + `oidc: get keys failed Get "https://login.example.com/keys": dial tcp 192.0.2.1:443: connect: connection refused`, evidence.Claims{}, "", false, true},
		{fetching + "oidc: get keys failed: 403 Forbidden <html>blocked</html>", evidence.Claims{}, "", false, true},
		{fetching + "oidc: failed to decode keys: invalid character '<' looking for beginning of value", evidence.Claims{}, "", false, true},
		{"context deadline exceeded", evidence.Claims{}, KubernetesUnavailable, true, true},
		{`Post "https://hook.example.com/authenticate": dial tcp 192.0.2.1:443: i/o timeout`, evidence.Claims{}, KubernetesUnavailable, false, true},
	} {
		said := "[invalid bearer token, " + test.said + "]"
		if reason, certain := reviewReason(said, test.claims, now); test.reason != "" && (reason != test.reason || certain != test.certain) {
			t.Errorf("%s: %s, certain %t, want %s, %t", said, reason, certain, test.reason, test.certain)
		}
		if got := isUnverified(said); got != test.unverified {
			t.Errorf("%s: unverified %t, want %t", said, got, test.unverified)
		}
	}
}

package gather

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// forgeExpired returns a JWT for the rehearsal, the role probe: it has the canary's claims,
// but expired long ago and has no valid signature, so that no login with it can succeed.
// Vault's error text shows how far its checks got.
func forgeExpired(c evidence.Claims) string {
	longAgo := time.Unix(1000, 0)
	return forge(c, longAgo, longAgo)
}

// forge returns a JWT with the canary's claims, these times and no valid signature.
func forge(c evidence.Claims, issued, expires time.Time) string {
	claims := map[string]any{
		"iss": c.Issuer, "sub": c.Subject, "aud": c.Audiences,
		"iat": issued.Unix(), "nbf": issued.Unix(), "exp": expires.Unix(),
		"kubernetes.io": map[string]any{
			"namespace":      c.Namespace,
			"serviceaccount": map[string]any{"name": c.ServiceAccount, "uid": c.UID},
		},
	}
	return strings.Join([]string{segment(map[string]any{"alg": "RS256"}), segment(claims), "AAAA"}, ".")
}

func segment(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(err) // maps of strings and numbers always encode
	}
	return base64.RawURLEncoding.EncodeToString(encoded)
}

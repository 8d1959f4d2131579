package gather

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"sync"
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
	return unsigned(map[string]any{"alg": "RS256"}, c, issued, expires) + ".AAAA"
}

// foreignKey signs forged JWTs. No cluster has it.
var foreignKey = sync.OnceValue(func() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // rand.Reader returns no error
	}
	return key
})

// forgeSigned returns a JWT with the canary's claims and these times, whose signature verifies
// with a key that no cluster has.
func forgeSigned(c evidence.Claims, issued, expires time.Time) string {
	key := foreignKey()
	signed := unsigned(map[string]any{"alg": "ES256", "typ": "JWT", "kid": evidence.KeyID(key.Public())}, c, issued, expires)
	hash := sha256.Sum256([]byte(signed))
	a, b, err := ecdsa.Sign(rand.Reader, key, hash[:])
	if err != nil {
		panic(err) // the key is valid
	}
	const half = 32 // bytes, of ES256
	signature := append(a.FillBytes(make([]byte, half)), b.FillBytes(make([]byte, half))...)
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// unsigned returns the header and the claims of a JWT.
func unsigned(header map[string]any, c evidence.Claims, issued, expires time.Time) string {
	claims := map[string]any{
		"iss": c.Issuer, "sub": c.Subject, "aud": c.Audiences,
		"iat": issued.Unix(), "nbf": issued.Unix(), "exp": expires.Unix(),
		"kubernetes.io": map[string]any{
			"namespace":      c.Namespace,
			"serviceaccount": map[string]any{"name": c.ServiceAccount, "uid": c.UID},
		},
	}
	return segment(header) + "." + segment(claims)
}

func segment(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(err) // maps of strings and numbers always encode
	}
	return base64.RawURLEncoding.EncodeToString(encoded)
}

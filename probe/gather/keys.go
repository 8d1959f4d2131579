package gather

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"k8s.io/client-go/util/keyutil"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// refusedByKeys reports whether there are keys, and none verifies the token: Vault
// then refuses it without asking Kubernetes.
func refusedByKeys(keys []string, token evidence.Secret) bool {
	parsed, err := jwt.ParseSigned(token.Reveal(), signatureAlgorithms)
	if err != nil || len(keys) == 0 {
		return false
	}
	return !slices.ContainsFunc(keys, func(encoded string) bool {
		blocks, err := keyutil.ParsePublicKeysPEM([]byte(encoded))
		return err == nil && parsed.Claims(blocks[0], &struct{}{}) == nil // the plugin reads the first only
	})
}

// onlyPEM keeps the certificates and public keys of a PEM text, which is not cleaned
// otherwise, and cleans a text that has none.
func onlyPEM(text string, clean func(string) string) string {
	var kept strings.Builder
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		_, notCertificate := x509.ParseCertificate(block.Bytes)
		_, notPKIX := x509.ParsePKIXPublicKey(block.Bytes)
		_, notPKCS1 := x509.ParsePKCS1PublicKey(block.Bytes)
		if notCertificate == nil || notPKIX == nil || notPKCS1 == nil {
			_ = pem.Encode(&kept, &pem.Block{Type: clean(block.Type), Bytes: block.Bytes}) // a Builder takes it all
		}
	}
	if kept.Len() == 0 {
		return clean(text)
	}
	return kept.String()
}

// forge makes a JWT for the role probe: the canary's claims, expired long ago,
// under a signature that is none. It can bring no token. Vault's words on it tell
// how far the login came.
func forge(c evidence.Claims) string {
	long := time.Unix(1000, 0).Unix()
	claims := map[string]any{
		"iss": c.Issuer, "sub": c.Subject, "aud": c.Audiences,
		"iat": long, "nbf": long, "exp": long,
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

// checkCA holds the config's CA against the chain that the API server serves.
func (e *endpoint) checkCA(bundle string, now time.Time) evidence.CACheck {
	roots := x509.NewCertPool()
	var authorities []*x509.Certificate
	// Vault skips what it cannot parse; client-go's ParseCertsPEM would stop there.
	for rest := []byte(bundle); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			roots.AddCert(certificate)
			authorities = append(authorities, certificate)
		}
	}
	check := evidence.CACheck{Certificate: earliestToExpire(authorities, true)}
	served := e.servedCertificates()
	if len(served) == 0 {
		return evidence.CACheck{Certificate: check.Certificate, Why: "the API server served no certificate"}
	}
	intermediates := x509.NewCertPool()
	for _, certificate := range served[1:] {
		intermediates.AddCert(certificate)
	}
	_, err := served[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: now})
	if err != nil {
		check.Why = evidence.Clean(err.Error())
	}
	check.Verified = err == nil
	return check
}

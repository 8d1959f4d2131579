package gather

import (
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"k8s.io/client-go/util/keyutil"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// refusedByKeys reports whether there are keys and none of them verifies the token: Vault
// then rejects the login without calling Kubernetes.
func refusedByKeys(keys []string, token evidence.Secret) bool {
	parsed, err := jwt.ParseSigned(token.Reveal(), signatureAlgorithms)
	if err != nil || len(keys) == 0 {
		return false
	}
	return !slices.ContainsFunc(keys, func(encoded string) bool {
		blocks, err := keyutil.ParsePublicKeysPEM([]byte(encoded))
		return err == nil && parsed.Claims(blocks[0], &struct{}{}) == nil // the plugin reads only the first key of each text
	})
}

// onlyPEM returns the certificates and public keys of a PEM text, which must not be
// cleaned: cleaning would remove their base64. A text that has none is cleaned.
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
			_ = pem.Encode(&kept, &pem.Block{Type: clean(block.Type), Bytes: block.Bytes}) // a Builder returns no error
		}
	}
	if kept.Len() == 0 {
		return clean(text)
	}
	return kept.String()
}

// checkCA verifies the chain that the API server sent with the CA bundle of the mount's
// config, as Vault does: without the system's roots.
func (e *endpoint) checkCA(bundle string, now time.Time) (evidence.CACheck, evidence.Authorities) {
	roots, authorities := x509.NewCertPool(), evidence.Certificates(bundle)
	for _, certificate := range authorities {
		roots.AddCert(certificate)
	}
	served := e.servedCertificates()
	if len(served) == 0 {
		return evidence.CACheck{Why: "the API server served no certificate"}, authoritiesOf(nil, describeAll(authorities))
	}
	intermediates := x509.NewCertPool()
	for _, certificate := range served[1:] {
		intermediates.AddCert(certificate)
	}
	chains, err := served[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: now})
	if err != nil {
		return evidence.CACheck{Why: evidence.Clean(err.Error()), Certificate: earliestToExpire(authorities, true)}, authoritiesOf(nil, describeAll(authorities))
	}
	chain := longestValid(chains)
	return evidence.CACheck{Verified: true, Certificate: earliestToExpire(chain[len(chain)-1:], true)}, authoritiesOf(chain, describeAll(authorities))
}

package evidence

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
)

// Certificates returns the certificates in a PEM text. Blocks that cannot be parsed are skipped, as
// Vault does; client-go's ParseCertsPEM returns an error.
func Certificates(text string) []*x509.Certificate {
	var found []*x509.Certificate
	for block := range pemBlocks(text) {
		if c, err := x509.ParseCertificate(block); err == nil {
			found = append(found, c)
		}
	}
	return found
}

// KeyIDs returns the [KeyID] of each public key in a PEM text, and of each certificate's.
func KeyIDs(text string) []string {
	var ids []string
	for block := range pemBlocks(text) {
		if key := publicKey(block); key != nil {
			ids = append(ids, KeyID(key))
		}
	}
	return ids
}

// keyIDLength is as much of a key ID as identifies a key to people. A whole one looks like a
// credential.
const keyIDLength = 16

// ShortKeyID returns as much of a key's ID as is shown of it.
func ShortKeyID(id string) string { return id[:min(len(id), keyIDLength)] }

// KeyID returns the beginning of the ID that Kubernetes gives a signing key by default: the
// base64url of the SHA-256 of its PKIX encoding (kid in its JWKS and in the headers of its
// tokens). It is empty for a key that has no such encoding.
func KeyID(key any) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(der)
	return ShortKeyID(base64.RawURLEncoding.EncodeToString(sum[:]))
}

func publicKey(der []byte) any {
	if key, err := x509.ParsePKIXPublicKey(der); err == nil {
		return key
	}
	if key, err := x509.ParsePKCS1PublicKey(der); err == nil {
		return key
	}
	if c, err := x509.ParseCertificate(der); err == nil {
		return c.PublicKey
	}
	return nil
}

func pemBlocks(text string) func(yield func(der []byte) bool) {
	return func(yield func([]byte) bool) {
		for rest := []byte(text); ; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil || !yield(block.Bytes) {
				return
			}
		}
	}
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

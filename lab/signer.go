package lab

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	issuer = "https://kubernetes.default.svc" // also the API server's audience

	tokenLifetime = 365 * 24 * time.Hour // long enough for any lab: nothing in it rotates tokens
)

// A signer signs service-account tokens as the API server does. With the cluster's own key it makes tokens that the API
// server would not issue, such as expired ones; with any other key, tokens of another cluster.
type signer struct {
	key   *rsa.PrivateKey
	keyID string
}

func newSigner() (signer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return signer{}, fmt.Errorf("making a service-account key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return signer{}, fmt.Errorf("encoding a service-account key: %w", err)
	}
	sum := sha256.Sum256(public) // the key ID that the API server derives
	return signer{key: key, keyID: base64.RawURLEncoding.EncodeToString(sum[:])}, nil
}

// PEM is the private key as kube-apiserver reads it.
func (s signer) PEM() []byte {
	return pemBlock("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(s.key))
}

// claimsOf returns the claims of a healthy token of a service account.
func claimsOf(account object, audiences ...string) fields {
	now, metadata := time.Now(), account.Metadata
	return fields{
		"iss": issuer,
		"sub": "system:serviceaccount:" + metadata.Namespace + ":" + metadata.Name,
		"aud": audiences,
		"kubernetes.io": fields{
			"namespace":      metadata.Namespace,
			"serviceaccount": fields{"name": metadata.Name, "uid": metadata.UID},
		},
	}.with(validity(now, now.Add(tokenLifetime)))
}

// legacyClaims returns the claims of a Secret-based token, which never expires.
func legacyClaims(account object, secret string) fields {
	const prefix = "kubernetes.io/serviceaccount/"
	metadata := account.Metadata
	return fields{
		"iss":                           "kubernetes/serviceaccount",
		"sub":                           "system:serviceaccount:" + metadata.Namespace + ":" + metadata.Name,
		prefix + "namespace":            metadata.Namespace,
		prefix + "secret.name":          secret,
		prefix + "service-account.name": metadata.Name,
		prefix + "service-account.uid":  metadata.UID,
	}
}

// validity returns the claims iat, nbf and exp.
func validity(from, to time.Time) fields {
	return fields{"iat": from.Unix(), "nbf": from.Unix(), "exp": to.Unix()}
}

func (s signer) sign(claims fields) (string, error) {
	key := jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: s.key, KeyID: s.keyID}}
	signer, err := jose.NewSigner(key, nil)
	if err != nil {
		return "", fmt.Errorf("preparing a token's signature: %w", err)
	}
	token, err := jwt.Signed(signer).Claims(map[string]any(claims)).Serialize()
	if err != nil {
		return "", fmt.Errorf("signing a token: %w", err)
	}
	return token, nil
}

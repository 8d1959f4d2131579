package probetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"vault-k8s-auth-exporter/probe"
)

// Mark is part of every credential that the fakes hand out. It may turn up in no
// output.
const Mark = "MARKEDSECRET"

// Token is a service account's token before it is encoded.
type Token struct {
	Namespace, Name, UID string
	Pod                  string
	Issuer               string
	Audiences            []string
	Issued, Expires      time.Time
	NotBefore            time.Time
	// Claims are put over those that the fields give; a nil value removes one.
	Claims map[string]any
}

// String encodes the token as a JWT. Its signature is the mark: nothing here
// verifies one.
func (t Token) String() string {
	account := map[string]any{"name": t.Name, "uid": t.UID}
	bound := map[string]any{"namespace": t.Namespace, "serviceaccount": account}
	if t.Pod != "" {
		bound["pod"] = map[string]any{"name": t.Pod, "uid": "pod-uid"}
	}
	claims := map[string]any{
		"iss":           t.Issuer,
		"sub":           t.username(),
		"aud":           t.Audiences,
		"iat":           t.Issued.Unix(),
		"nbf":           t.Issued.Unix(),
		"exp":           t.Expires.Unix(),
		"kubernetes.io": bound,
	}
	if !t.NotBefore.IsZero() {
		claims["nbf"] = t.NotBefore.Unix()
	}
	maps.Copy(claims, t.Claims)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return strings.Join([]string{
		segment(map[string]any{"alg": "RS256", "kid": "test"}),
		segment(claims),
		base64.RawURLEncoding.EncodeToString([]byte("signature-" + Mark + "-" + t.Name)),
	}, ".")
}

// sign returns the token with a real signature, and its public key as PEM.
func sign(tb testing.TB, t Token) (key, token string) {
	tb.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		tb.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: private}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(t.String(), ".")[1])
	if err != nil {
		tb.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		tb.Fatal(err)
	}
	token, err = signed.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})), token
}

func (t Token) username() string { return "system:serviceaccount:" + t.Namespace + ":" + t.Name }

func (t Token) account() probe.ServiceAccount {
	return probe.ServiceAccount{Namespace: t.Namespace, Name: t.Name}
}

func segment(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(encoded)
}

// Leaks returns the parts of these credentials that stand in a text: whole tokens,
// their segments, and the mark in any encoding that is used here.
func Leaks(text string, credentials ...string) []string {
	parts := []string{Mark, base64.RawURLEncoding.EncodeToString([]byte("signature-" + Mark))[:16]}
	for _, credential := range credentials {
		parts = append(parts, credential)
		parts = append(parts, strings.Split(credential, ".")...)
	}
	var found []string
	for _, part := range parts {
		if len(part) >= 12 && strings.Contains(text, part) {
			found = append(found, part)
		}
	}
	return found
}

package probetest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Mark is part of every credential that the fakes hand out. It may turn up in no
// output.
const Mark = "MARKEDSECRET"

// legacyIssuer is the issuer of tokens in Secrets, in every cluster.
const legacyIssuer = "kubernetes/serviceaccount"

// Token is a service account's token before it is encoded.
type Token struct {
	Namespace, Name, UID string
	// Pod or Secret is what the token is bound to.
	Pod, Secret string
	// Legacy gives it the claims of a token in a Secret, which never expires.
	Legacy          bool
	Issuer          string
	Audiences       []string
	Issued, Expires time.Time
	NotBefore       time.Time
	// Claims are put over those that the fields give; a nil value removes one.
	Claims map[string]any
	// Key signs it; nil is the cluster's own.
	Key *Key
}

// Key signs tokens as a cluster does, the same token always the same way.
type Key struct {
	private *rsa.PrivateKey
	id      string
}

// One pair of keys serves all tests: making them takes longest of all.
var (
	clusterKey = sync.OnceValue(func() *Key { return newKey("cluster") })
	otherKey   = sync.OnceValue(func() *Key { return newKey("other") })
)

func newKey(id string) *Key {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return &Key{private, id}
}

// PEM is the public key, as pem_keys take it.
func (k *Key) PEM() string {
	der, err := x509.MarshalPKIXPublicKey(k.private.Public())
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// String encodes and signs the token.
func (t Token) String() string {
	key := t.Key
	if key == nil {
		key = clusterKey()
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key.private, KeyID: key.id}}, nil)
	if err != nil {
		panic(err)
	}
	signed, err := jwt.Signed(signer).Claims(t.claims()).Serialize()
	if err != nil {
		panic(err)
	}
	return signed
}

func (t Token) claims() map[string]any {
	claims := t.bound()
	if t.Legacy {
		claims = t.legacy()
	}
	claims["sub"], claims["mark"] = t.username(), Mark
	maps.Copy(claims, t.Claims)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

func (t Token) bound() map[string]any {
	private := map[string]any{"namespace": t.Namespace, "serviceaccount": map[string]any{"name": t.Name, "uid": t.UID}}
	for kind, name := range map[string]string{"pod": t.Pod, "secret": t.Secret} {
		if name != "" {
			private[kind] = map[string]any{"name": name, "uid": uidOf(name)}
		}
	}
	notBefore := t.NotBefore
	if notBefore.IsZero() {
		notBefore = t.Issued
	}
	return map[string]any{
		"iss": t.Issuer, "aud": t.Audiences,
		"iat": t.Issued.Unix(), "nbf": notBefore.Unix(), "exp": t.Expires.Unix(),
		"kubernetes.io": private,
	}
}

func (t Token) legacy() map[string]any {
	const prefix = "kubernetes.io/serviceaccount/"
	return map[string]any{
		"iss": legacyIssuer, prefix + "namespace": t.Namespace, prefix + "secret.name": t.Secret,
		prefix + "service-account.name": t.Name, prefix + "service-account.uid": t.UID,
	}
}

func (t Token) username() string { return t.account().Username() }

func (t Token) account() evidence.ServiceAccount {
	return evidence.ServiceAccount{Namespace: t.Namespace, Name: t.Name}
}

// uidOf is the UID that an object of this name has where nothing else is said.
func uidOf(name string) string { return "uid-of-" + name }

// Leaks returns the parts of these credentials that stand in a text: whole tokens,
// their segments, and the mark.
func Leaks(text string, credentials ...string) []string {
	parts := []string{Mark}
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

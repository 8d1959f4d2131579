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

// Mark is part of every credential that the fakes issue. It must not appear in any
// output.
const Mark = "MARKEDSECRET"

// legacyIssuer is the issuer of service account tokens in Secrets, in every cluster.
const legacyIssuer = "kubernetes/serviceaccount"

// Token is a service account's token before it is encoded.
type Token struct {
	Namespace, Name, UID string
	// Pod or Secret is the object that the token is bound to.
	Pod, Secret string
	// Legacy selects the claims of a token in a Secret, which never expires.
	Legacy          bool
	Issuer          string
	Audiences       []string
	Issued, Expires time.Time
	NotBefore       time.Time
	// Claims override the claims that result from the other fields; a nil value removes one.
	Claims map[string]any
	// Key signs the token; nil means the cluster's own key.
	Key *Key
}

// Key signs tokens as a cluster does. The signature of a token is deterministic.
type Key struct {
	private *rsa.PrivateKey
	id      string
}

// All tests share these keys, because generating keys is slow.
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

// PEM returns the public key in the format of pem_keys.
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
	all := t.bound()
	if t.Legacy {
		all = t.legacy()
	}
	all["sub"], all["mark"] = t.username(), Mark
	maps.Copy(all, t.Claims)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return all
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

// uidOf returns the default UID of an object of this name.
func uidOf(name string) string { return "uid-of-" + name }

// Leaks returns the parts of these credentials that a text contains: whole tokens, their
// segments, and the mark.
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

package evidence

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestChangesNameEveryField(t *testing.T) {
	certificate, key := testPEM(t)
	from := MountConfig{Host: "https://a", DisableISSValidation: true, ReviewerSet: true}
	to := MountConfig{Host: "https://b", CACert: certificate, PEMKeys: []string{key}, Issuer: "https://i"}
	var got []string
	for _, c := range to.ChangesFrom(from) {
		if strings.Contains(c.String(), "BEGIN") {
			t.Errorf("%s has a text in PEM: %s", c.Field, c)
		}
		got = append(got, c.Field)
	}
	want := []string{"kubernetes_host", "kubernetes_ca_cert", "pem_keys", "issuer", "disable_iss_validation", "token_reviewer_jwt_set"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if text := to.ChangesFrom(from)[1].To; !strings.Contains(text, "CN=test (SHA-256 ") || !strings.Contains(text, "until 2001-09-10") {
		t.Errorf("the certificate is called %q", text)
	}
}

// The order of names has no meaning.
func TestChangesOfARole(t *testing.T) {
	role := RoleConfig{Names: []string{"a", "b"}, Namespaces: []string{"n"}, Policies: []string{"default"}, TTL: time.Minute, Type: "default"}
	same := role
	same.Names = []string{"b", "a"}
	if changes := same.ChangesFrom(role); changes != nil {
		t.Errorf("changes: %v", changes)
	}
	now := role
	now.Names, now.Audience, now.TTL, now.Type, now.CIDRs = []string{"*"}, "vault", time.Hour, "batch", []string{"10.0.0.0/8"}
	var got []string
	for _, c := range now.ChangesFrom(role) {
		got = append(got, c.String())
	}
	want := []string{
		"bound_service_account_names from a, b to *", "audience from nothing to vault", "token_bound_cidrs from nothing to 10.0.0.0/8",
		"token_ttl from 1m0s to 1h0m0s", "token_type from default to batch",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// A key has the same ID by itself and in a certificate.
func TestKeyIDs(t *testing.T) {
	certificate, key := testPEM(t)
	ids := KeyIDs(certificate + key)
	if len(ids) != 2 || ids[0] != ids[1] || len(ids[0]) != keyIDLength {
		t.Errorf("the IDs are %q", ids)
	}
	if ids := KeyIDs("no PEM"); ids != nil {
		t.Errorf("a text without a key has the IDs %q", ids)
	}
}

func testPEM(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Unix(1e9, 0), NotAfter: time.Unix(1e9+86400, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkixKey, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return encode("CERTIFICATE", der), encode("PUBLIC KEY", pkixKey)
}

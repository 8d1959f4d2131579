package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// files are a certificate and its key, the key of another, and a file that holds
// neither.
type files struct{ cert, key, otherKey, text, dir string }

func newFiles(t testing.TB) files {
	t.Helper()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	f := files{cert: at("tls.crt"), key: at("tls.key"), otherKey: at("other.key"), text: at("notes.txt"), dir: dir}
	certPEM, keyPEM := newPair(t)
	_, otherPEM := newPair(t)
	for path, content := range map[string][]byte{f.cert: certPEM, f.key: keyPEM, f.otherKey: otherPEM, f.text: []byte("no PEM\n")} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func newPair(t testing.TB) (certPEM, keyPEM []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "test"},
		NotAfter:     time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// vars are variables of an environment.
type vars map[string]string

// minimal is the least that is a configuration outside a pod.
func minimal() vars {
	return vars{
		"EXPORTER_VAULT_ADDR":          "https://vault.example.com:8200",
		"EXPORTER_VAULT_ROLE":          "canary",
		"EXPORTER_KUBERNETES_HOST":     "https://kubernetes.example.com:6443",
		"EXPORTER_REVIEWER_TOKEN_FILE": "/etc/reviewer/token",
		"EXPORTER_CANARY_TOKEN_FILE":   "/etc/canary/token",
	}
}

// but returns the variables with others added, replaced, or, if empty, as they
// would be set to nothing.
func (v vars) but(others vars) vars {
	merged := vars{}
	for _, each := range []vars{v, others} {
		for name, value := range each {
			merged[name] = value
		}
	}
	return merged
}

// given makes these the only variables that matter. The environment is as before
// when the test ends.
func given(t *testing.T, v vars) {
	t.Helper()
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "EXPORTER_") || strings.HasPrefix(name, "VAULT_") || strings.HasPrefix(name, "KUBERNETES_SERVICE_") {
			t.Setenv(name, value)
			os.Unsetenv(name)
		}
	}
	for name, value := range v {
		t.Setenv(name, value)
	}
}

// load loads from these variables alone.
func load(t *testing.T, v vars) (Config, error) {
	t.Helper()
	given(t, v)
	return Load()
}

func mustLoad(t *testing.T, v vars) Config {
	t.Helper()
	c, err := load(t, v)
	if err != nil {
		t.Fatalf("loading %v: %v", v, err)
	}
	return c
}

func specOf(key string) spec {
	return specs[slices.IndexFunc(specs, func(s spec) bool { return s.key == key })]
}

package gather

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A file that is rotated takes effect at once, whether its path or only its content changes.
func TestRotatedFileIsParsedAgain(t *testing.T) {
	var known parsedFiles
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, name := range []string{"first", "second", "second", "first"} {
		certificate, key := pemPair(t, name)
		files := tlsFiles{caCert: write("ca.crt", certificate), clientCert: write("tls.crt", certificate), clientKey: write("tls.key", key)}
		config, err := new(endpoint).configure(files, &known)
		if err != nil {
			t.Fatal(err)
		}
		if pair, err := tls.X509KeyPair([]byte(certificate), []byte(key)); err != nil || !config.Certificates[0].Leaf.Equal(pair.Leaf) {
			t.Errorf("the client certificate is not %s's", name)
		}
		if _, err := config.Certificates[0].Leaf.Verify(x509.VerifyOptions{Roots: config.RootCAs, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			t.Errorf("the CA is not %s's: %v", name, err)
		}
		token, err := known.loadToken(write("token", " "+name+"\n"))
		if err != nil || token.Reveal() != name {
			t.Errorf("the token is %q, %v, want %s", token.Reveal(), err, name)
		}
	}
	write("ca.crt", "no certificate")
	if _, err := new(endpoint).configure(tlsFiles{caCert: filepath.Join(dir, "ca.crt")}, &known); err == nil {
		t.Error("a bundle without a certificate was accepted because of an earlier one")
	}
}

// What was parsed is parsed once, and kept no longer than it is used.
func TestParsedFilesAreKeptWhileUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p parsed[string]
		parsings := 0
		get := func(name, content string) {
			t.Helper()
			got, err := p.of(name, func() (string, error) { parsings++; return "of " + content, nil }, []byte(content))
			if err != nil || got != "of "+content {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
		get("a", "secret")
		get("a", "secret")
		get("b", "secret")
		if parsings != 2 {
			t.Errorf("two files were parsed %d times", parsings)
		}
		if held := fmt.Sprintf("%q", p.files["a"].sum); strings.Contains(held, "secret") {
			t.Errorf("the content is held: %s", held)
		}
		time.Sleep(parsedFor)
		get("b", "secret")
		time.Sleep(time.Second)
		get("b", "secret")
		if _, held := p.files["a"]; held || len(p.files) != 1 {
			t.Errorf("what has not been used for %s is kept: %v", parsedFor, p.files)
		}
		for i := range maxParsed + 10 {
			get(fmt.Sprint(i), "x")
		}
		if len(p.files) > maxParsed {
			t.Errorf("%d files are kept, want at most %d", len(p.files), maxParsed)
		}
	})
}

// pemPair returns a self-signed certificate and its key.
func pemPair(t *testing.T, name string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", keyDER)
}

package lab

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"
	"time"
)

func TestIssue(t *testing.T) {
	ours, theirs := newTestAuthority(t), newTestAuthority(t)
	expired := serverCertificate("server")
	expired.NotBefore, expired.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	elsewhere := serverCertificate("server")
	elsewhere.IPAddresses, elsewhere.DNSNames = nil, []string{"elsewhere"}

	for name, test := range map[string]struct {
		template x509.Certificate
		roots    *authority
		want     any
	}{
		"healthy":         {serverCertificate("server"), ours, nil},
		"expired":         {expired, ours, new(x509.CertificateInvalidError)},
		"another name":    {elsewhere, ours, new(x509.HostnameError)},
		"not ours":        {serverCertificate("server"), theirs, new(x509.UnknownAuthorityError)},
		"not for serving": {adminCertificate(), ours, new(x509.HostnameError)},
	} {
		t.Run(name, func(t *testing.T) {
			bundle, err := ours.issue(test.template)
			if err != nil {
				t.Fatal(err)
			}
			pair, err := tls.X509KeyPair(bundle, bundle)
			if err != nil {
				t.Fatal(err)
			}
			_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: test.roots.pool(), DNSName: "127.0.0.1"})
			if test.want == nil && err != nil || test.want != nil && !errors.As(err, test.want) {
				t.Errorf("verifying gave %v, want %T", err, test.want)
			}
		})
	}
}

func newTestAuthority(t *testing.T) *authority {
	t.Helper()
	a, err := newAuthority("test CA")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

package probetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"time"
)

// OtherCA is the file of a CA that signed nobody's certificate.
func (w *World) OtherCA() string {
	certificate := w.selfSigned(time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	return w.caFile(certificate.Leaf)
}

// ServeExpired serves a handler with a certificate that has expired, and returns
// its URL and the file of its CA.
func (w *World) ServeExpired(handler http.Handler) (url, ca string) {
	certificate := w.selfSigned(time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour))
	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	w.t.Cleanup(server.Close)
	return server.URL, w.caFile(certificate.Leaf)
}

// ServePlain serves a handler without TLS, and returns its host and port.
func (w *World) ServePlain(handler http.Handler) string {
	server := httptest.NewServer(handler)
	w.t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func (w *World) selfSigned(notBefore, notAfter time.Time) tls.Certificate {
	w.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "self-signed"},
		NotBefore: notBefore, NotAfter: notAfter,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		w.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		w.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (w *World) caFile(certificate *x509.Certificate) string {
	return w.File("ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})))
}

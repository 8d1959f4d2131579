package probetest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
)

// Protocol is what the servers of a world speak over TLS. Without TLS, it is HTTP/1.1.
type Protocol string

// The protocols. The API server and Vault offer HTTP/2 and HTTP/1.1; a proxy in front of
// them may speak HTTP/1.1 alone.
const (
	HTTP2      Protocol = "HTTP/2"
	HTTP1      Protocol = "HTTP/1.1"
	VaultHTTP1 Protocol = "Vault HTTP/1.1" // and the others HTTP/2
)

// offersHTTP2 reports whether a server with this handler offers HTTP/2.
func (p Protocol) offersHTTP2(handler http.Handler) bool {
	_, isVault := handler.(*Vault)
	return p == HTTP2 || p == VaultHTTP1 && !isVault
}

// Serve serves a handler with a certificate of a CA and returns its URL.
func (w *World) Serve(handler http.Handler, ca authority, change func(*x509.Certificate)) string {
	return w.serve(handler, &tls.Config{Certificates: []tls.Certificate{ca.issue(change)}})
}

func (w *World) serve(handler http.Handler, config *tls.Config) string {
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // failed handshakes are expected
	server.TLS = config
	server.EnableHTTP2 = w.protocol.offersHTTP2(handler)
	server.StartTLS()
	w.t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// ServeAsVault serves a handler with a certificate of Vault's CA and returns its URL.
func (w *World) ServeAsVault(handler http.Handler) string { return w.Serve(handler, w.vaultCA, nil) }

// ServePlain serves a handler without TLS and returns its host and port.
func (w *World) ServePlain(handler http.Handler) string {
	server := httptest.NewServer(handler)
	w.t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// ServeVaultElsewhere serves Vault with a certificate that is valid only for
// elsewhere.example.
func (w *World) ServeVaultElsewhere() { w.Target.Vault.Addr = w.Serve(w.Vault, w.vaultCA, elsewhere) }

// ServeVaultNamed serves Vault with a certificate that is valid only for this name, which is also its
// subject.
func (w *World) ServeVaultNamed(name string) {
	w.Target.Vault.Addr = w.Serve(w.Vault, w.vaultCA, func(c *x509.Certificate) {
		c.Subject.CommonName, c.IPAddresses, c.DNSNames = name, nil, []string{name}
	})
}

// DemandClientCertificate makes Vault's listener require a client certificate of Vault's
// CA, and returns the files of one and its key.
func (w *World) DemandClientCertificate() (certificate, key string) {
	return w.demandClientCertificate(func(*x509.Certificate) {})
}

func (w *World) demandClientCertificate(change func(*x509.Certificate)) (certificate, key string) {
	trusted := x509.NewCertPool()
	trusted.AddCert(w.vaultCA.certificate)
	w.Target.Vault.Addr = w.serve(w.Vault, &tls.Config{
		Certificates: []tls.Certificate{w.vaultCA.issue(nil)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted,
	})
	issued := w.vaultCA.issue(func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		change(c)
	})
	der, err := x509.MarshalPKCS8PrivateKey(issued.PrivateKey)
	if err != nil {
		w.t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return w.File("tls.crt", encode("CERTIFICATE", issued.Leaf.Raw)), w.File("tls.key", encode("PRIVATE KEY", der))
}

// Silent returns the address of a server that accepts connections and sends nothing, not
// even in the TLS handshake.
func (w *World) Silent() string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	var accepting sync.WaitGroup
	var open []net.Conn
	accepting.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			open = append(open, connection)
		}
	})
	w.t.Cleanup(func() {
		_ = listener.Close()
		accepting.Wait()
		for _, connection := range open {
			_ = connection.Close()
		}
	})
	return listener.Addr().String()
}

// Refused returns an address that refuses connections. Unlike a port that was just closed,
// its port is never assigned to another test.
func (w *World) Refused() string { return "127.0.0.1:1" }

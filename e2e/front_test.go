package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A front stands before Vault and keeps the first login waiting.
type front struct {
	server  *httptest.Server
	before  bool          // it waits before Vault has heard of it, not after Vault has answered
	waiting chan struct{} // closed when it waits
	release func()        // lets it go on

	once     sync.Once
	released chan struct{}
}

func newFront(t *testing.T, before bool) *front {
	t.Helper()
	f := &front{before: before, waiting: make(chan struct{}), released: make(chan struct{})}
	f.release = sync.OnceFunc(func() { close(f.released) })
	forward := toVault(t)
	forward.ModifyResponse = func(answer *http.Response) error {
		if f.before {
			return nil
		}
		return f.hold(answer.Request)
	}
	f.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.before && f.hold(r) != nil {
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(f.server.Close)
	t.Cleanup(f.release)
	return f
}

// hold keeps the first login until it is released or nobody waits for it any more.
func (f *front) hold(r *http.Request) error {
	first := false
	if strings.HasSuffix(r.URL.Path, "/login") {
		f.once.Do(func() { first = true })
	}
	if !first {
		return nil
	}
	close(f.waiting)
	select {
	case <-f.released:
		return nil
	case <-r.Context().Done():
		return errors.New("nobody waits any more")
	}
}

// env leads the exporter to the front.
func (f *front) env(t *testing.T) []string {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "front-ca.crt")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.server.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return environment("EXPORTER_VAULT_ADDR="+f.server.URL, "EXPORTER_VAULT_CACERT="+ca)
}

// toVault forwards to the Vault of the lab.
func toVault(t *testing.T) *httputil.ReverseProxy {
	t.Helper()
	address, err := url.Parse(variable(t, "EXPORTER_VAULT_ADDR"))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(variable(t, "EXPORTER_VAULT_CACERT"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		t.Fatal("Vault's CA is no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(address) },
		Transport:    transport,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
}

// variable is the value that the lab gives the exporter.
func variable(t *testing.T, name string) string {
	t.Helper()
	for _, line := range world.lab.Env() {
		if value, found := strings.CutPrefix(line, name+"="); found {
			return value
		}
	}
	t.Fatalf("the lab does not say %s", name)
	return ""
}

package leader

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// Requests carry the token of the file and the program's name, as JSON over HTTP/1.1.
func TestRequests(t *testing.T) {
	c := new(cluster)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" || r.UserAgent() != "exporter/1" || r.ProtoMajor != 1 ||
			r.Header.Get("Accept") != "application/json, */*" {
			t.Errorf("%s %s %s: %v", r.Method, r.URL, r.Proto, r.Header)
		}
		if r.Method != http.MethodGet && r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s with %q", r.Method, r.Header.Get("Content-Type"))
		}
		c.ServeHTTP(w, r)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()

	dir := t.TempDir()
	ca, token := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "token")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := NewClient(server.URL, ca, token, "exporter/1")
	if err != nil {
		t.Fatal(err)
	}
	e := election{client: client, namespace: "monitoring", name: "exporter", identity: "only"}
	for range 3 { // it creates, then renews
		if holder, err := e.attempt(t.Context()); err != nil || holder != "only" {
			t.Fatalf("%q holds the lease, %v", holder, err)
		}
	}
	if released, err := e.release(t.Context()); err != nil || !released || c.holder() != "" {
		t.Errorf("released %v, %v; %q holds the lease", released, err, c.holder())
	}
	if c.writes() != 4 {
		t.Errorf("%d writes, want one to create, two to renew and one to release", c.writes())
	}
}

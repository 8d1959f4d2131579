package leader

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Neither a CA nor a token that is a named pipe or has no end keeps a candidate waiting,
// at its start or later.
func TestFilesThatDoNotEnd(t *testing.T) {
	server := httptest.NewTLSServer(new(cluster))
	defer server.Close()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(os.WriteFile(at("ca.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	do(os.WriteFile(at("token"), []byte("secret"), 0o600))
	do(os.WriteFile(at("empty"), nil, 0o600))
	do(syscall.Mkfifo(at("pipe"), 0o600))
	for _, files := range []struct{ ca, token, want string }{
		{at("pipe"), at("token"), "no regular file, but a named pipe"},
		{"/dev/zero", at("token"), "no regular file, but a device"},
		{at("ca.crt"), at("pipe"), "no regular file, but a named pipe"},
		{at("ca.crt"), "/dev/zero", "no regular file, but a device"},
		{at("ca.crt"), at("empty"), "is empty"},
		{at("ca.crt"), at("gone"), "no such file"},
	} {
		if _, err := NewClient(server.URL, files.ca, files.token, "exporter/1"); err == nil || !strings.Contains(err.Error(), files.want) {
			t.Errorf("%+v: %v", files, err)
		}
	}

	client, err := NewClient(server.URL, at("ca.crt"), at("token"), "exporter/1")
	do(err)
	e := election{client: client, namespace: "monitoring", name: "exporter", identity: "only"}
	_, err = e.attempt(t.Context())
	do(err)
	do(os.Rename(at("pipe"), at("token")))
	if _, err := e.attempt(t.Context()); err == nil || !strings.Contains(err.Error(), "no regular file, but a named pipe") {
		t.Errorf("with a named pipe in the place of the token: %v", err)
	}
	do(os.Remove(at("token")))
	do(os.WriteFile(at("token"), []byte("renewed"), 0o600))
	_, err = e.attempt(t.Context())
	do(err)
}

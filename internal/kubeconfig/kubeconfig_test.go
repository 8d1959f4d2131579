package kubeconfig

import (
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// file writes a kubeconfig for a server, with the user of this YAML, and returns its path.
func file(t *testing.T, server *httptest.Server, user string) string {
	t.Helper()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	path := filepath.Join(t.TempDir(), "config")
	content := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: c, user: u}}, {name: b, context: {cluster: none, user: u}}],
clusters: [{name: c, cluster: {server: %q, certificate-authority-data: %s}}], users: [{name: u, user: %s}]}`, server.URL, base64.StdEncoding.EncodeToString(ca), user)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestConnect checks that a token and a credential plugin authenticate, that the caller learns
// each credential, and that no redirect is followed.
func TestConnect(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/redirect" {
			http.Redirect(w, r, "/", http.StatusFound)
			return
		}
		fmt.Fprint(w, r.Header.Get("Authorization"), " ", r.UserAgent())
	}))
	defer server.Close()
	plugin := filepath.Join(t.TempDir(), "plugin")
	script := "#!/bin/sh\necho '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"from-a-plugin\"}}'\n"
	if err := os.WriteFile(plugin, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	for user, token := range map[string]string{
		`{token: a-token}`: "a-token",
		fmt.Sprintf(`{exec: {apiVersion: client.authentication.k8s.io/v1, command: %q, interactiveMode: Never}}`, plugin): "from-a-plugin",
	} {
		var held []string
		s, err := Connect(Options{Path: file(t, server, user), UserAgent: "test/1", Hold: func(credential string) { held = append(held, credential) }})
		if err != nil {
			t.Fatal(err)
		}
		if body := get(t, s, "/"); body != "Bearer "+token+" test/1" || !slices.Contains(held, token) {
			t.Errorf("%s: the server got %q, held are %q", user, body, held)
		}
		if body := get(t, s, "/redirect"); strings.Contains(body, token) {
			t.Errorf("a redirect was followed: %q", body)
		}
	}
}

func get(t *testing.T, s Server, path string) string {
	t.Helper()
	response, err := s.Client.Get(s.Base.JoinPath(path).String())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestMaxBody(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 100)) }))
	defer server.Close()
	s, err := Connect(Options{Path: file(t, server, `{}`), Hold: func(string) {}, MaxBody: 10})
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.Client.Get(s.Base.String())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err == nil || len(body) > 10 {
		t.Errorf("%d bytes were read: %v", len(body), err)
	}
}

func TestNoKubeconfig(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	t.Setenv("KUBECONFIG", none)
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	if _, err := Connect(Options{}); !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), none) {
		t.Errorf("%v", err)
	}
	if _, err := Connect(Options{Path: "none"}); err == nil || errors.Is(err, ErrNone) {
		t.Errorf("a file that was named and does not exist: %v", err)
	}
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	if _, err := Connect(Options{Path: file(t, server, `{}`), Context: "other"}); err == nil || !strings.Contains(err.Error(), "other") {
		t.Errorf("a context that does not exist: %v", err)
	}
}

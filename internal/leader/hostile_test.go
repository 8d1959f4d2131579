package leader

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const ownToken = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6bW9uaXRvcmluZzpleHBvcnRlciJ9.c2lnbmF0dXJlLW9mLW5vYm9keQ"

// hostile is a candidate at an API server that answers with this handler, and its log.
func hostile(t *testing.T, answer http.HandlerFunc) (*Candidate, *bytes.Buffer) {
	t.Helper()
	server := quietServer(answer)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	dir := t.TempDir()
	ca, token := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "token")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(token, []byte(ownToken), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := NewClient(server.URL, ca, token, "exporter/1")
	if err != nil {
		t.Fatal(err)
	}
	logged := new(bytes.Buffer)
	return New(client, "monitoring", "exporter", "only", func() {}, slog.New(slog.NewTextHandler(logged, nil))), logged
}

func quietServer(answer http.HandlerFunc) *httptest.Server {
	server := httptest.NewUnstartedServer(answer)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	return server
}

// try makes one attempt as the campaign does.
func (c *Candidate) try(t *testing.T) error {
	holder, err := c.election.attempt(t.Context())
	if err != nil {
		c.fail(err)
		return err
	}
	c.saw(holder)
	return nil
}

func echo(token, form string) string { return fmt.Sprintf(form, token) }

func TestServersTextsAreCleanedAndBounded(t *testing.T) {
	for name, form := range map[string]string{
		"plain": "%s is not known", "long": strings.Repeat("x ", 450_000) + "%s", "quoted": "token %q, \x1b[31mred\n", "as a bearer": "Authorization: Bearer %s",
	} {
		t.Run(name, func(t *testing.T) {
			c, logged := hostile(t, func(w http.ResponseWriter, r *http.Request) {
				token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusForbidden)
				_ = json.NewEncoder(w).Encode(map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403, "reason": "Forbidden", "message": echo(token, form)})
			})
			if c.try(t) == nil {
				t.Fatal("the attempt did not fail")
			}
			if logged.Len() == 0 || logged.Len() > 1000 || strings.Contains(logged.String(), ownToken[20:60]) || strings.Contains(logged.String(), `\x1b`) {
				t.Errorf("%d bytes were logged: %.1000s", logged.Len(), logged)
			}
		})
	}
}

func leaseOf(holder string) string {
	lease, err := json.Marshal(map[string]any{
		"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": map[string]any{"name": "exporter", "namespace": "monitoring", "resourceVersion": "1"},
		"spec": map[string]any{"holderIdentity": holder, "leaseDurationSeconds": 15},
	})
	if err != nil {
		panic(err)
	}
	return string(lease)
}

func TestHoldersNameIsCleanedAndBounded(t *testing.T) {
	for name, holder := range map[string]string{
		"long": strings.Repeat("h", 101_000), "escapes": "\x1b[31m\x1b]0;title\a" + strings.Repeat("é ", 500), "our own token": "pod-" + ownToken, "invisible": "\x00\x01\u200b",
	} {
		t.Run(name, func(t *testing.T) {
			c, logged := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, leaseOf(holder))
			})
			for range 2 {
				if err := c.try(t); err != nil {
					t.Fatal(err)
				}
			}
			shown := c.Holder()
			if shown == "" || !c.StandsBy() || len(shown) > 256 || strings.ContainsAny(shown, "\x1b\x00\a") || strings.Contains(shown, ownToken[20:60]) {
				t.Errorf("the holder is shown as %q", shown)
			}
			if strings.Count(logged.String(), "Standing by") != 1 || logged.Len() > 1000 || strings.Contains(logged.String(), ownToken[20:60]) {
				t.Errorf("%d bytes were logged: %.1000s", logged.Len(), logged)
			}
		})
	}
}

func TestLargeAnswerIsNotRead(t *testing.T) {
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	c, _ := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"kind":"Lease","metadata":{"name":"`)
		for range 300 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := c.try(t); err == nil {
		t.Error("an answer of 300 MB was taken")
	}
	runtime.ReadMemStats(&after)
	if allocated := (after.TotalAlloc - before.TotalAlloc) >> 20; allocated > 30 {
		t.Errorf("%d MiB were allocated", allocated)
	}
}

func TestTokenFollowsNoRedirect(t *testing.T) {
	visited := make(chan string, 1)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { visited <- r.Header.Get("Authorization") }))
	defer other.Close()
	c, _ := hostile(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.Path, http.StatusTemporaryRedirect)
	})
	if c.try(t) == nil {
		t.Error("a redirect was taken for a Lease")
	}
	select {
	case authorization := <-visited:
		t.Errorf("the redirect was followed with %q", authorization)
	default:
	}
}

// A leader whose connection was handed over must not go on unnoticed.
func TestSwitchingProtocolsFailsInTime(t *testing.T) {
	closed := make(chan struct{})
	c, _ := hostile(t, func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer connection.Close()
		_, _ = io.WriteString(connection, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
		_, _ = io.Copy(io.Discard, connection)
		close(closed)
	})
	start := time.Now()
	if err := c.try(t); err == nil || !strings.Contains(err.Error(), "101 Switching Protocols") {
		t.Errorf("the attempt ended with %v", err)
	}
	<-closed
	if took := time.Since(start); took > requestTimeout {
		t.Errorf("the attempt took %v", took)
	}
}

// The CA is read anew after a request that failed, since it is rotated.
func TestRotatedCA(t *testing.T) {
	server := quietServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, leaseOf("other"))
	}))
	defer server.Close()
	dir := t.TempDir()
	ca, token := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "token")
	write := func(path string, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(ca, otherCA(t))
	write(token, []byte(ownToken))
	client, err := NewClient(server.URL, ca, token, "exporter/1")
	if err != nil {
		t.Fatal(err)
	}
	c := New(client, "monitoring", "exporter", "only", func() {}, slog.New(slog.DiscardHandler))
	if c.try(t) == nil {
		t.Fatal("a certificate of another CA was taken")
	}
	write(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	if err := c.try(t); err != nil || c.Holder() != "other" {
		t.Errorf("after the CA was rotated: %v", err)
	}
}

func otherCA(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

package gather

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// A run that waits for a Vault that hangs gives its connection to the API server back, over either protocol, and can ask again.
func TestIdleConnectionToTheAPIServerEnds(t *testing.T) {
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			closed := make(chan struct{}, 8)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.ProtoMajor == 2 != http2 {
					t.Errorf("asked over %s", r.Proto)
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusCreated)
				_, _ = w.Write([]byte(`{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1","status":{"userInfo":{"username":"a"}}}`))
			}))
			server.EnableHTTP2 = http2
			server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
				if state == http.StateClosed {
					closed <- struct{}{}
				}
			}
			server.StartTLS()
			defer server.Close()
			k, err := newKubernetesServer(evidence.Kubernetes{Host: server.URL}, "test", Network{})
			if err != nil {
				t.Fatal(err)
			}
			defer k.endpoint.close()
			k.endpoint.transport.TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
			ask := func() {
				client, err := k.as(evidence.NewSecret("token"))
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				ctx, _ = withRedactor(ctx)
				if who, err := client.identity(ctx); err != nil || who.Username != "a" {
					t.Fatalf("asked as %+v: %v", who, err)
				}
			}
			ask()
			select {
			case <-closed:
				t.Fatal("the connection ended at once")
			case <-time.After(kubernetesIdle / 2):
			}
			ask()
			select {
			case <-closed:
			case <-time.After(10 * kubernetesIdle):
				t.Fatal("the connection is still open")
			}
			ask()
		})
	}
}

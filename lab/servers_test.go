package lab

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What Vault logs when the API server responds with 401 to the reviewer's token.
const unauthorizedLog = "service account unauthorized"

func TestRealServers(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles and starts the real servers")
	}
	l, err := Start(t.Context(), Options{Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { wantNothingLeft(t, l) })
	wire := newWireClient(t, l)
	wire.wantHealthy(t)

	for _, fault := range Faults() {
		t.Run(fault.Name, func(t *testing.T) {
			if err := l.Inject(t.Context(), fault.Name); err != nil {
				t.Fatal(err)
			}
			wire.want(t, responses[fault.Name])
			if _, err := l.Heal(t.Context()); err != nil {
				t.Fatal(err)
			}
			wire.wantHealthy(t)
		})
	}
	t.Run("heals a fault that another keeps from being healed", func(t *testing.T) {
		for _, name := range []string{"vault_sealed", "role_missing"} {
			_ = l.Inject(t.Context(), name) // fails for role_missing: a sealed Vault deletes no role
		}
		if _, err := l.Heal(t.Context()); err != nil {
			t.Fatal(err)
		}
		wire.wantHealthy(t)
	})
	t.Run("survives disturbances", func(t *testing.T) { wantDisturbancesSurvived(t, l, wire) })
	t.Run("logs why a login failed", func(t *testing.T) {
		lines, err := l.LoginErrors()
		if err != nil || !strings.Contains(strings.Join(lines, "\n"), unauthorizedLog) {
			t.Errorf("%v, %v", lines, err)
		}
		if audit, err := os.ReadFile(l.AuditLog()); err != nil || !bytes.Contains(audit, []byte("auth/kubernetes/login")) {
			t.Errorf("the audit log has no login: %v", err)
		}
	})
	t.Run("counts tokens", func(t *testing.T) { wantTokenCount(t, l, wire) })
	t.Run("shows no secret", func(t *testing.T) {
		for _, variable := range l.Env() {
			if strings.Contains(variable, "eyJ") || strings.Contains(variable, "hvs.") {
				t.Errorf("%s has a token in it", variable)
			}
		}
	})
}

func wantTokenCount(t *testing.T, l *Lab, wire wireClient) {
	t.Helper()
	before, err := l.Accessors(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wire.wantHealthy(t)
	after, err := l.Accessors(t.Context())
	if err != nil || after != before+1 {
		t.Errorf("%d tokens before a login, %d after it, %v", before, after, err)
	}
}

// wantNothingLeft closes the lab while a fault is injected, as after a test that failed.
func wantNothingLeft(t *testing.T, l *Lab) {
	t.Helper()
	for _, name := range []string{"vault_unreachable", "kubernetes_unreachable"} {
		if err := l.Inject(context.Background(), name); err != nil { // the test's context is over
			t.Error(err)
		}
	}
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Error(err)
	}
	wantGone(t, l.Dir())
	for _, p := range []*process{l.cluster.process, l.vault.process} {
		if err := syscall.Kill(p.cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%s is still there: %v", p.name, err)
		}
	}
}

// requestTimeout is shorter than the 10 s after which Vault gives up on an API server that does not respond.
const requestTimeout = 5 * time.Second

// A wireClient sends requests as the exporter does: through the proxies, with the tokens in the exporter's files.
type wireClient struct {
	lab  *Lab
	http *http.Client
}

func newWireClient(t *testing.T, l *Lab) wireClient {
	t.Helper()
	roots := l.cluster.ca.pool()
	roots.AddCert(l.vault.ca.cert)
	return wireClient{lab: l, http: &http.Client{
		Timeout:       requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{RootCAs: roots},
		},
	}}
}

func (w wireClient) wantHealthy(t *testing.T) {
	t.Helper()
	w.want(t, healthyResponse)
}

func (w wireClient) want(t *testing.T, want wireResponse) {
	t.Helper()
	status, text := w.login(t)
	if status != want.loginStatus || !strings.Contains(text, want.loginText) {
		t.Errorf("the login responded with %d %s, want %d %s", status, text, want.loginStatus, want.loginText)
	}
	status, text = w.review(t)
	if status != want.reviewStatus || !strings.Contains(text, want.reviewText) {
		t.Errorf("the TokenReview responded with %d %s, want %d %s", status, text, want.reviewStatus, want.reviewText)
	}
}

func (w wireClient) login(t *testing.T) (int, string) {
	t.Helper()
	return w.post(t, "https://"+w.lab.vaultProxy.address+"/v1/auth/kubernetes/login", "", fields{
		"role": canaryRole, "jwt": w.token(t, canaryFile),
	})
}

func (w wireClient) review(t *testing.T) (int, string) {
	t.Helper()
	return w.post(t, w.lab.kubernetesHost()+tokenReviewsPath, w.token(t, reviewerFile), fields{
		"spec": fields{"token": w.token(t, canaryFile), "audiences": []string{canaryAccount.audience}},
	})
}

// token is empty if the file does not exist.
func (w wireClient) token(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(w.lab.path(file))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// post returns status 0 and the error's text if there is no response.
func (w wireClient) post(t *testing.T, url, bearer string, body fields) (int, string) {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := w.http.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

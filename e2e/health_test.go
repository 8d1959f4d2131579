package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// TestHealthEndpoints starts an exporter while Vault is down: a restart in the
// middle of an outage must not blind whom it should help.
func TestHealthEndpoints(t *testing.T) {
	inject(t, "vault_unreachable")
	e := serve(t, environment())
	e.wantPage(e.health, "/healthz", "ok")
	e.awaitVerdict("vault_unreachable")
	if !eventually(patience, func() bool { status, _ := e.get(e.health, "/readyz"); return status == http.StatusOK }) {
		t.Errorf("not ready after the first round; %s", e.explain())
	}
	e.wantPage(e.health, "/healthz", "ok")
	e.wantPage(e.metrics, "/", `href="/metrics"`)
	if status, _ := e.get(e.metrics, "/nonsense"); status != http.StatusNotFound {
		t.Errorf("/nonsense answered %d", status)
	}
	e.end()
}

func (e *exporter) wantPage(address, path, part string) {
	e.t.Helper()
	if status, body := e.get(address, path); status != http.StatusOK || !strings.Contains(body, part) {
		e.t.Errorf("%s answered %d, want 200 and %q in it:\n%s", path, status, part, body)
	}
}

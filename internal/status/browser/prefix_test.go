package browser

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/docs"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
)

// Below a path the page is styled and live, and its button works.
func TestPageBelowAPath(t *testing.T) {
	s := &site{source: &source{states: []probe.TargetState{withHistory("prod/eu-1", 0, forbidden)}}}
	runNow := func(string) (<-chan struct{}, bool) {
		done := make(chan struct{})
		s.run(0, func(r *probe.Result) { r.Start = time.Now() })
		close(done)
		return done, true
	}
	s.page = status.New(status.Options{
		TargetStates: s.TargetStates, Standby: s.Standby, RunNow: runNow, Reasons: docs.Reasons, Warnings: docs.Warnings, Version: "1.2.3",
		Links: status.Links{Path: "/vault/auth"},
	})
	server := httptest.NewServer(http.StripPrefix("/vault/auth", s.page))
	t.Cleanup(func() {
		s.page.Close()
		server.CloseClientConnections()
		server.Close()
	})
	tab := open(t, server.URL+"/vault/auth/targets/prod%2Feu-1", desktop)
	eventually(t, tab, `document.getElementById("live").textContent === "live"`)
	if !eval[bool](t, tab, `document.styleSheets[0].cssRules.length > 10`) {
		t.Error("the page has no style")
	}
	if got := eval[string](t, tab, `document.querySelector('a[href*="/runbooks/"]').pathname`); got != "/vault/auth/runbooks/reviewer_forbidden" {
		t.Errorf("the page links to the runbook at %s", got)
	}
	do(t, tab, chromedp.Evaluate[chromedp.Void](`document.querySelector(".probe button").click()`))
	eventually(t, tab, `document.querySelector(".probe [role=status]").textContent === "probed just now"`)
	eventually(t, tab, `document.querySelector(".card h2").textContent === "Pods can log in"`)
}

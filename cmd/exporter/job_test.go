package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/gather"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// The verdict of a run is for debugging.
func TestLogVerdict(t *testing.T) {
	start := time.Now()
	for _, test := range []struct {
		reason diagnose.Reason
		since  time.Time
		want   string
	}{
		{diagnose.None, start, `level=DEBUG msg="Verdict changed" target=a logins=work reason=none component=none`},
		{diagnose.VaultSealed, start, `level=DEBUG msg="Verdict changed" target=a logins=fail reason=vault_sealed component=vault`},
		{diagnose.CanaryExpired, start, `level=DEBUG msg="Verdict changed" target=a logins=unknown reason=canary_expired component=canary`},
		{diagnose.VaultSealed, start.Add(-time.Minute), `level=DEBUG msg="Verdict unchanged" target=a logins=fail reason=vault_sealed component=vault`},
	} {
		var out bytes.Buffer
		logVerdict(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})), status.Links{}, probe.Result{
			Target: evidence.Target{Name: "a"}, Start: start, Since: test.since, Diagnosis: diagnose.Diagnosis{Verdict: diagnose.Verdict{Reason: test.reason}},
		})
		if !strings.Contains(out.String(), test.want) {
			t.Errorf("got  %swant %s", out.String(), test.want)
		}
	}
}

// A run of a process that was starved is discarded, and the next one knows nothing of it.
func TestDiscardedRunIsForgotten(t *testing.T) {
	w := probetest.NewWorld(t)
	w.Target.Timeout = 3 * time.Second
	w.Vault.Change(func(v *probetest.Vault) { v.Sealed = true })
	e := newTestExporter(t, w, site{}, slog.New(slog.DiscardHandler))
	var starved atomic.Bool
	starved.Store(true)
	e.prober.Over(gather.Network{Proxy: func(*http.Request) (*url.URL, error) { // is called before each request
		if starved.Load() {
			time.Sleep(w.Target.Timeout + 1500*time.Millisecond)
		}
		return nil, nil
	}})
	job := e.job(w.Target)
	if outcome := job.Run(t.Context()); !outcome.Incomplete {
		t.Errorf("the starved run ended with %+v, want an incomplete one", outcome)
	}
	starved.Store(false)
	job.Run(t.Context())
	state, _ := e.recorder.TargetState(w.Target.Name)
	latest := state.Latest
	if latest == nil {
		t.Fatal("the run after it has no result")
	}
	if latest.ConsecutiveFailures != 1 || !latest.Since.Equal(latest.Start) {
		t.Errorf("the run after it, of %s, is failure %d since %s, want the first one", latest.Start, latest.ConsecutiveFailures, latest.Since)
	}
	if !latest.Evidence.Privileges.Ok() {
		t.Error("the run after it did not ask for privileges, as a first run does")
	}
}

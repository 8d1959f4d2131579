package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
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

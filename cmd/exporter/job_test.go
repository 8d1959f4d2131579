package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
)

// The log says whether pods can log in as the metrics, the page and check do.
func TestLogVerdict(t *testing.T) {
	start := time.Now()
	for _, test := range []struct {
		reason probe.Reason
		since  time.Time
		want   string
	}{
		{probe.None, start, `level=INFO msg="Verdict changed" target=a logins=work reason=none component=none`},
		{probe.VaultSealed, start, `level=WARN msg="Verdict changed" target=a logins=fail reason=vault_sealed component=vault`},
		{probe.CanaryExpired, start, `level=WARN msg="Verdict changed" target=a logins=unknown reason=canary_expired component=canary`},
		{probe.VaultSealed, start.Add(-time.Minute), `level=DEBUG msg="Verdict unchanged" target=a logins=fail reason=vault_sealed component=vault`},
	} {
		var out bytes.Buffer
		logVerdict(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})), probe.Result{
			Target: probe.Target{Name: "a"}, Start: start, Since: test.since, Diagnosis: probe.Diagnosis{Verdict: probe.Verdict{Reason: test.reason}},
		})
		if !strings.Contains(out.String(), test.want) {
			t.Errorf("got  %swant %s", out.String(), test.want)
		}
	}
}

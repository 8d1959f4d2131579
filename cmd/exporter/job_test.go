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

// The log says whether pods can log in as the metrics, the page and check do.
func TestLogVerdict(t *testing.T) {
	start := time.Now()
	for _, test := range []struct {
		reason diagnose.Reason
		since  time.Time
		want   string
	}{
		{diagnose.None, start, `level=INFO msg="Verdict changed" target=a logins=work reason=none component=none`},
		{diagnose.VaultSealed, start, `level=WARN msg="Verdict changed" target=a logins=fail reason=vault_sealed component=vault`},
		{diagnose.CanaryExpired, start, `level=WARN msg="Verdict changed" target=a logins=unknown reason=canary_expired component=canary`},
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

// A reader of the log sees where a command ends, in both formats.
func TestLogKeepsCommandsApart(t *testing.T) {
	result := probe.Result{Target: evidence.Target{Name: "a"}, Diagnosis: diagnose.Diagnosis{Verdict: diagnose.Verdict{
		Reason: diagnose.VaultSealed, Advice: diagnose.Advice{Fix: []string{`export VAULT_ADDR='https://a'`, `vault operator unseal <key> && echo "done"`}},
	}}}
	for name, test := range map[string]struct {
		handler func(*bytes.Buffer) slog.Handler
		want    string
	}{
		"logfmt": {
			func(out *bytes.Buffer) slog.Handler { return slog.NewTextHandler(out, nil) },
			`fix="[\"export VAULT_ADDR='https://a'\",\"vault operator unseal <key> && echo \\\"done\\\"\"]"`,
		},
		"json": {
			func(out *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(out, nil) },
			`"fix":["export VAULT_ADDR='https://a'","vault operator unseal <key> && echo \"done\""]`,
		},
	} {
		var out bytes.Buffer
		logVerdict(slog.New(test.handler(&out)), status.Links{}, result)
		if !strings.Contains(out.String(), test.want) {
			t.Errorf("%s:\ngot  %swant %s", name, out.String(), test.want)
		}
	}
}

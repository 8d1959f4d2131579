package status

import (
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/maintenance"
)

func TestTableOfWhatEnds(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	hour := func(n int) time.Time { return now.Add(time.Duration(n) * time.Hour) }
	ends := func(what diagnose.Item, end, warn time.Time) diagnose.Expiry {
		return diagnose.Expiry{What: what, Which: "CN=" + string(what), End: end, WarnAt: warn, Effect: diagnose.LoginsEnd, Then: "every login fails", Component: diagnose.ComponentVault, Source: "here"}
	}
	harmless := ends(diagnose.VaultCAItem, hour(-1), hour(-2))
	harmless.Effect = diagnose.NothingEnds
	never := ends(diagnose.ReviewerTokenItem, time.Time{}, time.Time{})
	never.Until = "the pod vault/vault-0 is deleted"
	latest := probe.Result{Start: now, Expiries: []diagnose.Expiry{
		ends(diagnose.VaultCertificateItem, hour(-1), hour(-2)), ends(diagnose.MountCAItem, hour(1), hour(-1)), ends(diagnose.KubernetesCAItem, hour(9), hour(1)), harmless, never,
	}}
	c := cardOf(probe.TargetState{Target: evidence.Target{Name: "a", Interval: time.Minute}, Latest: &latest}, maintenance.Active{}, now)
	var body strings.Builder
	if err := parsePages("").ExecuteTemplate(&body, "expiries", c); err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(body.String(), "<tr class=")[1:]
	want := [][]string{
		{`"failed"`, "2026-01-02 02:04:05 UTC", "certificate of Vault <code>CN=vault_certificate</code>", "every login fails", "<td>Vault</td>", "here"},
		{`"stale"`, "CA in the mount&#39;s config"},
		{`"ok"`, "the exporter&#39;s CA for the API server"},
		{`"skipped"`, "the exporter&#39;s CA for Vault"},
		{`"ok"`, "never", "or when the pod vault/vault-0 is deleted", "reviewer token"},
	}
	if len(rows) != len(want) {
		t.Fatalf("%d rows, want %d: %s", len(rows), len(want), body.String())
	}
	for i, parts := range want {
		for _, part := range parts {
			if !strings.Contains(rows[i], part) {
				t.Errorf("row %d lacks %s: %s", i, part, rows[i])
			}
		}
	}
}

package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestDriftIsRestored changes a config and a role while an exporter runs, requires the warning with
// what was changed, and pastes the write that restores it. Each change also ends logins, so that the
// exporter reads the config and the role at once instead of on its tenth run.
func TestDriftIsRestored(t *testing.T) {
	needsTools(t)
	t.Parallel()
	l := startLab(t)
	administrator := newShell(t, l)
	exporter := serve(t, environment(l.FullEnv()))
	f := fixture{lab: l, exporters: []*process{exporter}}
	f.waitHealthy(t)
	other := filepath.Join(administrator.dir, "other-ca.crt")
	const point = `export VAULT_ADDR="$EXPORTER_VAULT_ADDR"`
	administrator.mustRun("openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=intruder -days 30 -out " + other + " 2>/dev/null")
	for _, drift := range []struct {
		warning, path string
		change        []string // words of vault write
		said          []string
	}{
		{
			"role_drift", "auth/kubernetes/role/canary",
			[]string{"audience=intruder", "token_policies=default,admin", "token_max_ttl=2h", "token_bound_cidrs=127.0.0.0/8", `bound_service_account_namespace_selector='{"matchLabels":{"team":"intruder"}}'`},
			[]string{"audience from vault to intruder", "token_policies from default to admin, default", "token_max_ttl from 0s to 2h0m0s", "token_bound_cidrs from nothing to 127.0.0.0/8", "bound_service_account_namespace_selector from nothing to"},
		},
		{
			"mount_drift", "auth/kubernetes/config",
			[]string{"issuer=https://intruder.example", "disable_iss_validation=false", "kubernetes_ca_cert=@" + other},
			[]string{"issuer from nothing to https://intruder.example", "disable_iss_validation from true to false", "kubernetes_ca_cert from the certificate CN=", "to the certificate CN=intruder (SHA-256 "},
		},
	} {
		before := administrator.mustRun(point, "vault read -format=json "+drift.path+" | jq .data")
		words := strings.Join(drift.change, " ")
		if drift.warning == "mount_drift" { // a write replaces the config
			administrator.mustRun(point, "vault read -format=json "+drift.path+" | jq '.data | del(.token_reviewer_jwt_set, .issuer, .disable_iss_validation, .kubernetes_ca_cert)' > config.json",
				"vault write "+drift.path+` @config.json token_reviewer_jwt=@"$EXPORTER_REVIEWER_TOKEN_FILE" `+words)
		} else {
			administrator.mustRun(point, "vault write "+drift.path+" "+words)
		}
		var raised warningReport
		eventually(t, detectionTimeout, drift.warning, func() bool {
			raised = raisedWarning(t, exporter, drift.warning)
			return raised.Warning != ""
		}, func() string { return targetStatus(t, exporter) })
		for _, part := range drift.said {
			if !strings.Contains(raised.Detail, part) {
				t.Errorf("%s says %q, without %q", drift.warning, raised.Detail, part)
			}
		}
		if out, err := administrator.run(raised.Fix...); err != nil {
			t.Fatalf("running the fix: %v\n%s\n%s", err, strings.Join(raised.Fix, "\n"), out)
		}
		eventually(t, detectionTimeout, "the end of "+drift.warning, func() bool { return raisedWarning(t, exporter, drift.warning).Warning == "" }, func() string { return targetStatus(t, exporter) })
		if after := administrator.mustRun(point, "vault read -format=json "+drift.path+" | jq .data"); after != before {
			t.Errorf("%s is not restored:\n%s\nwas\n%s\nafter\n%s", drift.path, after, before, strings.Join(raised.Fix, "\n"))
		}
		f.waitHealthy(t)
	}
}

// raisedWarning returns a warning of an exporter's only target, empty if it is not raised.
func raisedWarning(t *testing.T, exporter *process, code string) warningReport {
	t.Helper()
	var target struct{ Warnings []warningReport }
	if err := json.Unmarshal([]byte(targetStatus(t, exporter)), &target); err != nil {
		t.Fatal(err)
	}
	for _, w := range target.Warnings {
		if w.Warning == code {
			return w
		}
	}
	return warningReport{}
}

// targetStatus returns the JSON of an exporter's only target.
func targetStatus(t *testing.T, exporter *process) string {
	t.Helper()
	response, err := http.Get("http://" + exporter.address("") + "/api/v1/status/default")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestWorkloadsAtAnAlias has a pod log in to the lab's Vault under another name than the target's. The report names the
// address and the target that watches the mount; with the alias that it proposes, the login is rehearsed and ready.
func TestWorkloadsAtAnAlias(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	administrator := newShell(t, l)
	administrator.mustRun(append([]string{`export VAULT_ADDR="$EXPORTER_VAULT_ADDR"`}, workloadRoles("kubernetes")[0])...)
	address := valueOf(l.FullEnv(), "EXPORTER_VAULT_ADDR")
	alias := strings.Replace(address, "127.0.0.1", "localhost", 1)
	if alias == address {
		t.Fatalf("the lab's Vault is at %s", address)
	}
	administrator.mustRun("kubectl create namespace shop", "kubectl -n shop create serviceaccount web", fmt.Sprintf(`kubectl apply -f - <<'EOT'
apiVersion: v1
kind: Pod
metadata: {namespace: shop, name: web, annotations: {vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/role: web, vault.hashicorp.com/service: %q}}
spec: {serviceAccountName: web, containers: [{name: app, image: app}]}
EOT`, alias))
	env := slices.Concat(environment(l.FullEnv()), l.AdminEnv())
	_, report := workloads(t, env)
	if len(report.Logins) != 1 || report.Logins[0].State != "not_rehearsed" || !strings.Contains(report.Logins[0].Detail, "at "+alias+"; default watches it at "+address) {
		t.Errorf("without the alias: %+v", report.Logins)
	}
	if len(report.Unwatched) != 1 || report.Unwatched[0].Elsewhere.Target != "default" || report.Unwatched[0].Elsewhere.Address != address {
		t.Errorf("without the alias, unwatched are %+v", report.Unwatched)
	}
	o, report := workloads(t, append(env, "EXPORTER_VAULT_ALIASES="+strings.ToUpper(alias)+"/"))
	if o.code != 0 || len(report.Unwatched) != 0 {
		t.Errorf("with the alias the exit code is %d, unwatched are %+v", o.code, report.Unwatched)
	}
	wantVerdicts(t, report, []workloadLogin{{"shop", "web", "web", "", ""}})
}

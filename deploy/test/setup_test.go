package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// setupInstallations are mounts of the lab, how `exporter setup` is called for each, and the reviewer's mode that it must choose.
var setupInstallations = map[string]struct {
	before []string
	flags  string
	mode   string
}{
	"a stored token, account found": {before: []string{onlyReviewer}, mode: "accessreview"},
	"a stored token, Secret found":  {before: []string{tokenSecret}, mode: "secret"},
	"a stored token, Secret in the exporter's namespace": {
		before: []string{`kubectl -n monitoring create secret generic reviewer --from-file=jwt="$EXPORTER_REVIEWER_TOKEN_FILE"`},
		flags:  " --reviewer-secret=monitoring/reviewer/jwt",
		mode:   "file",
	},
	"the reviewer's token is minted": {flags: " --reviewer=serviceaccount --reviewer-service-account=vault/vault-auth", mode: "serviceaccount"},
	"each client reviews itself": {
		before: []string{`vault write "auth/$EXPORTER_VAULT_MOUNT/config" kubernetes_host="$EXPORTER_KUBERNETES_HOST" ` +
			`kubernetes_ca_cert=@"$EXPORTER_KUBERNETES_CACERT" token_reviewer_jwt= disable_local_ca_jwt=true`},
		mode: "canary",
	},
	"a diagnostic role": {before: []string{onlyReviewer}, flags: " --diagnostic-cidr=127.0.0.0/8", mode: "accessreview"},
}

// onlyReviewer leaves the reviewer as the only account that is bound to system:auth-delegator.
const onlyReviewer = "kubectl delete clusterrolebinding vault-k8s-auth-exporter"

// tokenSecret creates a Secret of the type in which an account's token does not expire. The lab has no controller that fills it.
const tokenSecret = `printf '{"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token", ` +
	`"metadata": {"name": "vault-auth-token", "namespace": "vault", "annotations": {"kubernetes.io/service-account.name": "vault-auth"}}, ` +
	`"stringData": {"token": "%s"}}' "$(cat "$EXPORTER_REVIEWER_TOKEN_FILE")" | kubectl apply -f -`

// TestSetupInstalls lets `exporter setup` read the lab, pastes what it prints, installs the chart with the values that it printed, and
// requires a healthy target, found with no other permissions than those.
func TestSetupInstalls(t *testing.T) {
	for name, c := range setupInstallations {
		t.Run(name, func(t *testing.T) {
			l, administrator := enter(t)
			administrator.must(t, "", `kubectl -n monitoring create configmap kube-root-ca.crt --from-file=ca.crt="$EXPORTER_KUBERNETES_CACERT"`)
			administrator.must(t, "", c.before...)
			dir := t.TempDir()
			setup := exporter + " setup --service-account=installed --vault-role=installed" + c.flags
			script := administrator.must(t, "", setup)
			for range 2 { // it can be pasted again
				administrator.must(t, script, "cd "+dir+"; sh -e")
			}
			for _, format := range []string{"hcl", "values"} {
				script += administrator.must(t, "", setup+" --output="+format)
			}
			wantNoSecrets(t, administrator, script)

			written, err := os.ReadFile(filepath.Join(dir, "vault-k8s-auth-exporter-values.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			v := with(t, string(written))
			if mode := v["reviewer"].(values)["mode"]; mode != c.mode {
				t.Errorf("the reviewer's mode is %v, want %s:\n%s", mode, c.mode, script)
			}
			all := render(t, v)
			if granted(t, all) != nil {
				t.Error("the chart creates permissions too")
			}
			for _, name := range all.keys() {
				administrator.must(t, asJSON(t, all[name].Object), "kubectl apply --server-side -f -")
			}
			k := kubelet{live{administrator}, t.TempDir(), strings.TrimPrefix(administrator.variable("EXPORTER_KUBERNETES_HOST"), "https://")}
			if found := problem(t, k.command(t, all, "check", "--output=json")); found != "" {
				t.Errorf("after what setup printed: %s", found)
			}
			if errors, err := l.LoginErrors(); err != nil || len(errors) > 0 {
				t.Errorf("failed logins: %v %v", errors, err)
			}
		})
	}
}

// TestSetupFindsVaultInTheCluster has the pods and the Service that Vault's chart creates. The lab's Vault is not in them, so only what is
// printed is checked.
func TestSetupFindsVaultInTheCluster(t *testing.T) {
	_, administrator := enter(t)
	administrator.must(t, `
apiVersion: v1
kind: Pod
metadata: {name: vault-0, namespace: vault, labels: {app.kubernetes.io/name: vault, app.kubernetes.io/instance: vault, component: server}}
spec: {serviceAccountName: vault-auth, containers: [{name: vault, image: vault}]}
---
apiVersion: v1
kind: Service
metadata: {name: vault, namespace: vault}
spec:
  selector: {app.kubernetes.io/name: vault, app.kubernetes.io/instance: vault, component: server}
  ports: [{name: https, port: 443, targetPort: 8200}]
`, "kubectl apply -f -")
	administrator.must(t, "", `vault write "auth/$EXPORTER_VAULT_MOUNT/config" kubernetes_host=https://10.0.0.1 `+
		`kubernetes_ca_cert=@"$EXPORTER_KUBERNETES_CACERT" token_reviewer_jwt= disable_local_ca_jwt=false`)
	text := administrator.must(t, "", exporter+" setup --output=values --vault-role=installed")
	want := with(t, `
vault: {addr: "https://vault.vault.svc:443", mount: kubernetes, role: installed, ca: {existingConfigMap: vault-k8s-auth-exporter-vault-ca}}
reviewer: {mode: accessreview, serviceAccount: vault/vault-auth}
networkPolicy: {egress: {vault: {to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: vault}}}], ports: [8200]}}}
serviceAccount: {create: false, name: vault-k8s-auth-exporter}
rbac: {create: false}
`)
	if diff := cmp.Diff(want, with(t, text)); diff != "" || strings.Contains(text, "WARNING") {
		t.Errorf("(-want +printed):\n%s\n%s", diff, text)
	}
}

// wantNoSecrets requires that a text holds none of the lab's tokens.
func wantNoSecrets(t *testing.T, administrator shell, text string) {
	t.Helper()
	tokens := []string{administrator.variable("VAULT_TOKEN")}
	for _, name := range []string{"EXPORTER_REVIEWER_TOKEN_FILE", "EXPORTER_CANARY_TOKEN_FILE"} {
		tokens = append(tokens, strings.TrimSpace(administrator.must(t, "", `cat "$`+name+`"`)))
	}
	for _, token := range tokens {
		if token == "" || strings.Contains(text, token) {
			t.Errorf("setup prints a token, or there is none to look for:\n%s", text)
		}
	}
}

// TestSetupOverwritesNoRole requires that a role of somebody else is not overwritten.
func TestSetupOverwritesNoRole(t *testing.T) {
	_, administrator := enter(t)
	out, err := administrator.paste(t, "", exporter+" setup")
	if err == nil || !strings.Contains(out, "--vault-role: the role canary exists and admits canary in monitoring") {
		t.Errorf("%v\n%s", err, out)
	}
}

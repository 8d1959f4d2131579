package discover

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// agentVariable is the configuration that the injector writes: its own mount and namespace,
// which no annotation has.
var agentVariable = base64.StdEncoding.EncodeToString([]byte(`{"vault":{"address":"https://vault:8200"},"auto_auth":{"method":{
	"type":"kubernetes","mount_path":"auth/prod","namespace":"team/","config":{"role":"web","token_path":"/var/run/secrets/vault/token"}}},
	"template":[{"contents":"hvs.CAESIPlantedPlantedPlanted"}]}`))

// TestFieldsAndDefaults checks for each source which fields make a login, what holds where they
// are missing, and what is skipped.
func TestFieldsAndDefaults(t *testing.T) {
	for _, c := range []struct {
		name, objects string
		want          []string
	}{
		{"injector: only what is needed", pods(`web`, `{vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/role: web}`, ``),
			[]string{"kubernetes web apps/web < Pod apps/web ×1"}},
		{"injector: all annotations", pods(`web`, `{vault.hashicorp.com/agent-inject: "1", vault.hashicorp.com/role: web, vault.hashicorp.com/auth-path: auth/a/b/,
			vault.hashicorp.com/namespace: /team/x/, vault.hashicorp.com/service: "https://vault.example.com:8200/",
			vault.hashicorp.com/agent-service-account-token-volume-name: t}`, `volumes: [{name: t, projected: {sources: [{configMap: {}}, {serviceAccountToken: {audience: vault, path: token}}]}}]`),
			[]string{"a/b web apps/web for vault in team/x at https://vault.example.com:8200 < Pod apps/web ×1"}},
		{"injector: the role as a parameter", pods(`web`, `{vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/auth-config-role: other}`, ``),
			[]string{"kubernetes other apps/web < Pod apps/web ×1"}},
		{"injector: off, or no boolean", pods(`web`, `{vault.hashicorp.com/agent-inject: "false", vault.hashicorp.com/role: web}`, ``) + pods(`api`, `{vault.hashicorp.com/agent-inject: "yes", vault.hashicorp.com/role: web}`, ``), nil},
		{"injector: another auth method", pods(`web`, `{vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/role: web, vault.hashicorp.com/auth-type: jwt}`, ``), nil},
		{"injector: what it gave its container counts", pods(`web`, `{vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/role: web, vault.hashicorp.com/agent-inject-status: injected}`,
			`containers: [{name: app}, {name: vault-agent, env: [{name: VAULT_CONFIG, value: `+agentVariable+`}], volumeMounts: [{name: t, mountPath: /var/run/secrets/vault}, {name: x, mountPath: /var}]}]
  volumes: [{name: t, projected: {sources: [{serviceAccountToken: {audience: prod-vault, path: token}}]}}]`),
			[]string{"prod web apps/web for prod-vault in team at https://vault:8200 < Pod apps/web ×1"}},
		{"injector: a token of something else", pods(`web`, `{vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/role: web}`,
			`initContainers: [{name: vault-agent-init, env: [{name: VAULT_CONFIG, value: `+agentVariable+`}]}]`),
			[]string{"not Pod apps/web ×1: its Vault Agent reads a token that is not one of a service account in the pod's volumes"}},
		{"injector: skipped", pods(`a`, `{vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/agent-configmap: mine}`, ``) +
			pods(`b`, `{vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/role: web, vault.hashicorp.com/auth-path: kubernetes}`, ``) +
			pods(`c`, `{vault.hashicorp.com/agent-inject: "true"}`, ``),
			[]string{
				"not Pod apps/a ×1: the ConfigMap mine configures its Vault Agent, and is not read",
				"not Pod apps/b ×1: its path of the auth method does not begin with auth/, as the agent needs it",
				"not Pod apps/c ×1: it names no role",
			}},
		{"bank-vaults: defaults", pods(`web`, `{vault.security.banzaicloud.io/vault-addr: "https://vault:8200"}`, ``),
			[]string{"kubernetes web apps/web at https://vault:8200 < Pod apps/web ×1"}},
		{"bank-vaults: annotations", pods(`web`, `{vault.security.banzaicloud.io/vault-role: r, vault.security.banzaicloud.io/vault-path: p, vault.security.banzaicloud.io/vault-namespace: n,
			vault.security.banzaicloud.io/vault-serviceaccount: of-objects-that-are-no-pods}`, ``), []string{"p r apps/web in n < Pod apps/web ×1"}},
		{"bank-vaults: the later names", pods(`web`, `{secrets-webhook.security.bank-vaults.io/vault-role: r, vault.security.banzaicloud.io/vault-role: older, vault.security.banzaicloud.io/vault-path: p}`, ``) + pods(`bao`, `{secrets-webhook.security.bank-vaults.io/bao-role: r, secrets-webhook.security.bank-vaults.io/bao-path: bao}`, ``),
			[]string{"bao r apps/bao < Pod apps/bao ×1", "p r apps/web < Pod apps/web ×1"}},
		{"bank-vaults: what it gave a container counts", pods(`web`, `{vault.security.banzaicloud.io/vault-role: "{{ .name }}"}`, `containers:
  - {name: a, command: [/vault/vault-env], env: [{name: VAULT_ADDR, value: "https://vault:8200"}, {name: VAULT_PATH, value: k8s}, {name: VAULT_ROLE, value: web-1}, {name: VAULT_AUTH_METHOD, value: jwt}]}
  - {name: b, command: [/vault/secret-init], env: [{name: VAULT_ADDR, value: "https://vault:8200"}, {name: VAULT_PATH, value: k8s}, {name: VAULT_ROLE, value: web-1}, {name: VAULT_AUTH_METHOD, value: jwt}]}`),
			[]string{"k8s web-1 apps/web at https://vault:8200 < Pod apps/web ×1"}},
		{"bank-vaults: no login", pods(`a`, `{vault.security.banzaicloud.io/mutate: skip, vault.security.banzaicloud.io/vault-role: r}`, ``) +
			pods(`b`, `{vault.security.banzaicloud.io/token-auth-mount: "v:t", vault.security.banzaicloud.io/vault-role: r}`, ``) +
			pods(`c`, `{vault.security.banzaicloud.io/vault-auth-method: gcp-iam, vault.security.banzaicloud.io/vault-role: r}`, ``) +
			pods(`d`, `{}`, `containers: [{name: a, command: [/vault/vault-env], env: [{name: VAULT_ROLE, value: r}, {name: VAULT_PATH, value: p}, {name: VAULT_AUTH_METHOD, value: jwt}, {name: VAULT_TOKEN, value: hvs.planted}]}]`), nil},
		{"bank-vaults: a pod that replaces its own token", pods(`web`, `{vault.security.banzaicloud.io/vault-role: r}`, `containers: [{name: a, volumeMounts: [{name: t, mountPath: /var/run/secrets/kubernetes.io/serviceaccount}]}]
  volumes: [{name: t, projected: {sources: [{serviceAccountToken: {audience: vault, path: token}}]}}]`), []string{"kubernetes r apps/web for vault < Pod apps/web ×1"}},
		{"bank-vaults: a template", pods(`web`, `{vault.security.banzaicloud.io/vault-role: "{{ .name }}"}`, ``), []string{"not Pod apps/web ×1: its role is a template of the Bank-Vaults webhook"}},

		{"declared", declared(`"kubernetes/web"`), []string{"kubernetes web apps/web < ServiceAccount apps/web"}},
		{"declared: several", declared(`"a/b/web?audience=x&audience=w&namespace=team, auth/kubernetes/other"`),
			[]string{"kubernetes other apps/web < ServiceAccount apps/web", "a/b web apps/web for w,x in team < ServiceAccount apps/web"}},
		{"declared: wrong", declared(`"web kubernetes/ok"`), []string{"kubernetes ok apps/web < ServiceAccount apps/web", "not ServiceAccount apps/web: its annotation vault-k8s-auth-exporter/logins is wrong: login 1 is not mount/role"}},
		{"declared: wrong query", declared(`"kubernetes/web?role=x"`), []string{"not ServiceAccount apps/web: its annotation vault-k8s-auth-exporter/logins is wrong: login 1 has a query with something else than audience and namespace"}},

		{"csi", classOf(`{roleName: web}`) + mounting(`a`) + mounting(`b`), []string{
			"kubernetes web apps/a < Pod apps/a ×1 < SecretProviderClass apps/db", "kubernetes web apps/b < Pod apps/b ×1 < SecretProviderClass apps/db"}},
		{"csi: all parameters", classOf(`{roleName: web, vaultAddress: "https://vault:8200", vaultAuthMountPath: k8s, vaultNamespace: team, audience: vault}`) + mounting(`a`),
			[]string{"k8s web apps/a for vault in team at https://vault:8200 < Pod apps/a ×1 < SecretProviderClass apps/db"}},
		{"csi: the older name of the mount", classOf(`{roleName: web, vaultKubernetesMountPath: old}`) + mounting(`a`), []string{"old web apps/a < Pod apps/a ×1 < SecretProviderClass apps/db"}},
		{"csi: both names", classOf(`{roleName: web, vaultKubernetesMountPath: old, vaultAuthMountPath: new}`) + mounting(`a`),
			[]string{"not SecretProviderClass apps/db: it sets vaultKubernetesMountPath and vaultAuthMountPath, which the provider refuses"}},
		{"csi: the driver's tokens", classOf(`{roleName: web}`) + mounting(`a`) + `
---
{apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {name: secrets-store.csi.k8s.io}, spec: {tokenRequests: [{audience: vault}]}}`,
			[]string{"kubernetes web apps/a for vault < Pod apps/a ×1 < SecretProviderClass apps/db"}},
		{"csi: the provider's flags", classOf(`{roleName: web}`) + mounting(`a`) + operatorPod(`vault-csi-provider`, `csi`, `{}`, `[-vault-mount=prod, -vault-addr=https://vault:8200, --vault-namespace=n]`),
			[]string{"prod web apps/a in n at https://vault:8200 < Pod apps/a ×1 < SecretProviderClass apps/db"}},
		{"csi: not mounted, or another provider", classOf(`{roleName: web}`), []string{"not SecretProviderClass apps/db: no pod mounts it now"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, lines(cluster(t, c.objects).reader(t).Read(t.Context()))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// pods is a pod of the same name as its service account.
func pods(name, annotations, spec string) string {
	return "\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  namespace: apps\n  name: " + name + "\n  annotations: " + strings.ReplaceAll(annotations, "\t", " ") +
		"\nspec:\n  serviceAccountName: " + name + "\n  " + spec + "\nstatus: {phase: Running}"
}

func declared(logins string) string {
	return "\n---\n{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: apps, name: web, annotations: {vault-k8s-auth-exporter/logins: " + logins + "}}}"
}

func classOf(parameters string) string {
	return "\n---\n{apiVersion: secrets-store.csi.x-k8s.io/v1, kind: SecretProviderClass, metadata: {namespace: apps, name: db}, spec: {provider: vault, parameters: " + parameters + "}}"
}

func mounting(name string) string {
	return pods(name, `{}`, `volumes: [{name: db, csi: {driver: secrets-store.csi.k8s.io, volumeAttributes: {secretProviderClass: db}}}]`)
}

// operatorPod is a pod of an operator in a namespace.
func operatorPod(name, in, labels, args string) string {
	labels = strings.Replace(labels, "{", "{app.kubernetes.io/name: "+name+", ", 1)
	return "\n---\n{apiVersion: v1, kind: Pod, metadata: {namespace: " + in + ", name: " + name + "-1, labels: " + labels + "}, spec: {serviceAccountName: " + name + "-sa, containers: [{name: c, args: " + args + "}]}}"
}

package discover

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const injectedTemplate = `{metadata: {annotations: {vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/role: r}}, spec: {serviceAccountName: sa}}`

// maker is an object of the namespace apps that makes pods.
func maker(kind, name, spec, status string) string {
	version := "apps/v1"
	if kind == "Job" || kind == "CronJob" {
		version = "batch/v1"
	}
	return fmt.Sprintf("\n---\n{apiVersion: %s, kind: %s, metadata: {namespace: apps, name: %s}, spec: %s, status: %s}", version, kind, name, spec, status)
}

func template(text string) string { return "{template: " + text + "}" }

// podOf is a pod of a Deployment, which has been injected where the configuration of its agent is given.
func podOf(deployment, config string) string {
	container := "{name: app}"
	if config != "" {
		container = `{name: vault-agent, env: [{name: VAULT_CONFIG, value: ` + config + `}], volumeMounts: [{name: t, mountPath: /var/run/secrets/vault}]}`
	}
	return `
---
{apiVersion: v1, kind: Pod, metadata: {namespace: apps, name: ` + deployment + `-5d8f-x, labels: {pod-template-hash: 5d8f}, ownerReferences: [{kind: ReplicaSet, name: ` + deployment + `-5d8f, controller: true}],
  annotations: {vault.hashicorp.com/agent-inject: "true", vault.hashicorp.com/role: r}},
  spec: {serviceAccountName: sa, volumes: [{name: t, projected: {sources: [{serviceAccountToken: {audience: vault, path: token}}]}}], containers: [` + container + `]}, status: {phase: Running}}`
}

// TestTemplates checks that what has no pod now is discovered from its template, and that what has one is not counted twice.
func TestTemplates(t *testing.T) {
	const none = "{}"
	for _, c := range []struct {
		name, objects string
		want          []string
	}{
		{"every kind", maker("Deployment", "d", template(injectedTemplate), none) + maker("StatefulSet", "s", template(injectedTemplate), none) +
			maker("DaemonSet", "ds", template(injectedTemplate), none) + maker("Job", "j", template(injectedTemplate), none) +
			maker("CronJob", "c", "{jobTemplate: {spec: {template: "+injectedTemplate+"}}}", none),
			[]string{"kubernetes r apps/sa < CronJob apps/c < DaemonSet apps/ds < Deployment apps/d < Job apps/j < StatefulSet apps/s"}},
		{"one that does not log in", maker("Deployment", "d", template(`{metadata: {annotations: {note: x}}, spec: {serviceAccountName: sa}}`), none), nil},
		{"one whose pods run", maker("Deployment", "d", template(injectedTemplate), none) + podOf("d", ""), []string{"kubernetes r apps/sa < Deployment apps/d ×1"}},
		{"one whose pods show another mount", maker("Deployment", "d", template(injectedTemplate), none) + podOf("d", agentVariable),
			[]string{"prod web apps/sa for vault in team at https://vault:8200 < Deployment apps/d ×1"}},
		{"with the injector's defaults, which a pod shows", maker("Deployment", "idle", template(injectedTemplate), none) + podOf("d", agentVariable),
			[]string{"prod r apps/sa in team at https://vault:8200 < Deployment apps/idle", "prod web apps/sa for vault in team at https://vault:8200 < Deployment apps/d ×1"}},
		{"a Job that has finished", maker("Job", "j", template(injectedTemplate), `{conditions: [{type: Suspended, status: "False"}, {type: Complete, status: "True"}]}`), nil},
		{"a Job that is suspended", maker("Job", "j", template(injectedTemplate), `{conditions: [{type: Suspended, status: "True"}, {type: Failed, status: "False"}]}`),
			[]string{"kubernetes r apps/sa < Job apps/j"}},
		{"a Job of a CronJob", "\n---\n{apiVersion: batch/v1, kind: Job, metadata: {namespace: apps, name: c-1, ownerReferences: [{kind: CronJob, name: c}]}, spec: {template: " + injectedTemplate + "}}", nil},
		{"Bank-Vaults", maker("StatefulSet", "s", template(`{metadata: {annotations: {vault.security.banzaicloud.io/vault-role: b, vault.security.banzaicloud.io/vault-path: p}}, spec: {serviceAccountName: sa}}`), none),
			[]string{"p b apps/sa < StatefulSet apps/s"}},
		{"a volume of the CSI driver", classOf(`{roleName: web}`) + maker("Deployment", "d", template(`{spec: {serviceAccountName: sa, volumes: [{name: v, csi: {driver: secrets-store.csi.k8s.io, volumeAttributes: {secretProviderClass: db}}}]}}`), none),
			[]string{"kubernetes web apps/sa < Deployment apps/d < SecretProviderClass apps/db"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, lines(cluster(t, c.objects).reader(t).Read(t.Context()))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestTemplatesNeedThePods checks that a template counts only where it is known that there is no pod of it, and for the
// source that it is of.
func TestTemplatesNeedThePods(t *testing.T) {
	c := cluster(t, maker("Deployment", "d", template(injectedTemplate), "{}"))
	i := c.reader(t).Read(t.Context())
	if s := source(t, i, "deployments.apps"); s.Logins != 1 || source(t, i, "pods").Logins != 0 {
		t.Errorf("%+v", s)
	}
	if text := i.Entries[0].Objects[0].OfLogin(); text != "Deployment apps/d (0 pods)" {
		t.Error(text)
	}
	c.instead[podList] = fails(http.StatusForbidden, "forbidden", "")
	if got := lines(c.reader(t).Read(t.Context())); got != nil {
		t.Errorf("without the pods: %q", got)
	}
}

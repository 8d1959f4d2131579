package deploy

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

var withLab = flag.Bool("lab", false, "submit the rendered objects to a real API server, and run the exporter with the permissions that they grant")

// shell runs commands with kubectl and vault as an administrator of a lab, and with the lab's EXPORTER_* variables.
type shell struct{ env []string }

// enter starts a lab for a test.
func enter(t *testing.T) (*lab.Lab, shell) {
	t.Helper()
	if !*withLab {
		t.Skip("needs -lab, as in make e2e")
	}
	l, err := lab.Start(t.Context(), lab.Options{Log: os.Stderr, Commands: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	s := shell{slices.Concat(l.AdminEnv(), l.Env(), []string{"HOME=" + t.TempDir()})}
	s.env = append(s.env, "VAULT_ADDR="+s.variable("EXPORTER_VAULT_ADDR"), "VAULT_CACERT="+s.variable("EXPORTER_VAULT_CACERT"))
	return l, s
}

func (s shell) paste(t testing.TB, stdin, line string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	sh := exec.CommandContext(ctx, "sh", "-ec", line)
	sh.Env, sh.Stdin = s.env, strings.NewReader(stdin)
	out, err := sh.CombinedOutput()
	return string(out), err
}

func (s shell) must(t testing.TB, stdin string, lines ...string) string {
	t.Helper()
	var all string
	for _, line := range lines {
		out, err := s.paste(t, stdin, line)
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		all += out
	}
	return all
}

// variable returns one of the lab's EXPORTER_* variables.
func (s shell) variable(name string) string {
	for _, entry := range s.env {
		if value, found := strings.CutPrefix(entry, name+"="); found {
			return value
		}
	}
	return ""
}

// TestAPIServerAdmits submits every object in a dry run, and the pod itself to a namespace where Pod Security enforces restricted. What
// the API server would store must have every field as it was rendered: Argo CD would show a difference forever.
func TestAPIServerAdmits(t *testing.T) {
	_, administrator := enter(t)
	administrator.must(t, "", "kubectl create namespace apps", "kubectl create priorityclass high --value=1000",
		"kubectl label namespace monitoring pod-security.kubernetes.io/enforce=restricted")
	admitted := 0
	for name, v := range installations(t) {
		all := render(t, v)
		submitted := []any{podObject(podOf(t, all))}
		for _, key := range all.keys() {
			if !slices.Contains(notInLab, all[key].GroupVersionKind().Group) {
				submitted = append(submitted, all[key].Object)
			}
		}
		stored, err := administrator.dryRun(t, submitted)
		if err != nil || len(stored) != len(submitted) {
			t.Errorf("%s: the API server admits %d of %d objects: %v", name, len(stored), len(submitted), err)
			continue
		}
		for i, o := range stored {
			var rendered any
			if err := json.Unmarshal([]byte(asJSON(t, submitted[i])), &rendered); err != nil {
				t.Fatal(err)
			}
			if at := changed("", rendered, o); at != "" {
				t.Errorf("%s: %T %v is stored with another %s", name, submitted[i], o.(values)["kind"], at)
			}
		}
		admitted += len(stored)
	}
	t.Logf("%d objects admitted", admitted)

	template := podOf(t, render(t, examples(t)["openbao"]))
	template.Spec.HostNetwork = true
	if _, err := administrator.dryRun(t, []any{podObject(template)}); err == nil || !strings.Contains(err.Error(), "violates PodSecurity") {
		t.Errorf("a pod in the host's network is admitted: restricted is not enforced: %v", err)
	}
}

// notInLab are the API groups of operators, which the lab does not have.
var notInLab = []string{"monitoring.coreos.com", "operator.victoriametrics.com", "monitoring.googleapis.com", "gateway.networking.k8s.io"}

func podObject(template core.PodTemplateSpec) core.Pod {
	pod := core.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	pod.APIVersion, pod.Kind, pod.Namespace, pod.Name = "v1", "Pod", namespace, "exporter"
	return pod
}

// dryRun submits objects, and returns them as the API server would store them.
func (s shell) dryRun(t *testing.T, submitted []any) ([]any, error) {
	t.Helper()
	var documents []string
	for _, o := range submitted {
		documents = append(documents, asJSON(t, o))
	}
	out, err := s.paste(t, strings.Join(documents, "\n---\n"),
		`kubectl apply --server-side --dry-run=server --validate=strict -o json -f - 2>"$HOME/errors" || { cat "$HOME/errors"; exit 1; }`)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	var list struct{ Items []any }
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return nil, err
	}
	if list.Items == nil { // a single object is no list
		var single any
		err = json.Unmarshal([]byte(out), &single)
		list.Items = []any{single}
	}
	return list.Items, err
}

// changed returns the path of a field that was rendered and is stored with another value, or an empty string. Fields that the API server
// adds are no change; neither is a null or an empty object that it does not store.
func changed(path string, rendered, stored any) string {
	switch r := rendered.(type) {
	case nil:
		return ""
	case map[string]any:
		s, _ := stored.(map[string]any)
		for name, value := range r {
			if at := changed(path+"."+name, value, s[name]); at != "" {
				return at
			}
		}
		return ""
	case []any:
		s, _ := stored.([]any)
		if len(s) != len(r) {
			return path
		}
		for i := range r {
			if at := changed(fmt.Sprintf("%s[%d]", path, i), r[i], s[i]); at != "" {
				return at
			}
		}
		return ""
	}
	if rendered != stored {
		return fmt.Sprintf("%s: %v, not %v", path, stored, rendered)
	}
	return ""
}

// TestPlainManifestsAdmitted applies deploy/kustomize as a user without Helm does, in a cluster with the Prometheus operator's
// ServiceMonitor.
func TestPlainManifestsAdmitted(t *testing.T) {
	_, administrator := enter(t)
	administrator.must(t, "", "kubectl create namespace apps")
	administrator.must(t, serviceMonitorCRD, "kubectl apply --server-side -f -", "kubectl wait --for=condition=Established crd/servicemonitors.monitoring.coreos.com")
	for name := range examples(t) {
		dir := filepath.Join(kustomizeDir, name)
		out, err := administrator.paste(t, "", "kubectl apply --validate=strict -k "+dir)
		if created := strings.Count(out, " created"); err != nil || created < 6 || !strings.Contains(out, "servicemonitor") {
			t.Errorf("kubectl apply -k %s creates %d objects: %v\n%s", dir, created, err, out)
		}
		if out, err := administrator.paste(t, "", "kubectl delete -k "+dir+" && kubectl apply --validate=strict -f "+dir+"/exporter.yaml && kubectl delete -f "+dir+"/exporter.yaml"); err != nil {
			t.Errorf("kubectl apply -f %s/exporter.yaml: %v\n%s", dir, err, out)
		}
	}
}

// serviceMonitorCRD defines the kind without its schema, which TestEveryFieldIsKnown checks.
const serviceMonitorCRD = `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: servicemonitors.monitoring.coreos.com},
  spec: {group: monitoring.coreos.com, scope: Namespaced, names: {kind: ServiceMonitor, plural: servicemonitors, singular: servicemonitor, listKind: ServiceMonitorList},
    versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}`

func asJSON(t testing.TB, v any) string {
	t.Helper()
	content, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// live is the cluster of a running lab.
type live struct{ shell }

func (l live) configMap(t testing.TB, name string) map[string]string {
	var m core.ConfigMap
	l.get(t, "configmap", name, &m)
	return m.Data
}

func (l live) secret(t testing.TB, name string) map[string][]byte {
	var s core.Secret
	l.get(t, "secret", name, &s)
	return s.Data
}

func (l live) get(t testing.TB, kind, name string, into any) {
	t.Helper()
	out := l.must(t, "", fmt.Sprintf("kubectl -n %s get %s %s -o json", namespace, kind, name))
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatal(err)
	}
}

func (l live) token(t testing.TB, account string, source *core.ServiceAccountTokenProjection) string {
	line := fmt.Sprintf("kubectl -n %s create token %s --duration=%ds", namespace, account, *source.ExpirationSeconds)
	if source.Audience != "" {
		line += " --audience=" + source.Audience
	}
	return l.must(t, "", line)
}

// modes are the combinations of token sources. The exporter gets only the permissions that the chart grants its account; the
// release's name differs from the names of the lab's accounts.
var modes = map[string]string{
	"file":           `reviewer: {mode: file, existingSecret: vault-auth-token}`,
	"secret":         `reviewer: {mode: secret, secret: vault/vault-auth-token}`,
	"serviceaccount": `reviewer: {mode: serviceaccount, serviceAccount: vault/vault-auth}`,
	"accessreview":   `reviewer: {mode: accessreview, serviceAccount: vault/vault-auth}`,
	"canary":         `reviewer: {mode: canary}`,
	"minted canary":  `{reviewer: {mode: accessreview, serviceAccount: vault/vault-auth}, canary: {mode: serviceaccount, serviceAccount: monitoring/canary}}`,
	"outer address":  `{reviewer: {mode: accessreview, serviceAccount: vault/vault-auth}, kubernetes: {thisCluster: true, ca: {existingConfigMap: kube-root-ca.crt}}}`,
	"targets":        `{reviewer: {mode: accessreview, serviceAccount: vault/vault-auth}, targets: [{name: one}]}`,
}

// TestPermissionsSuffice runs the exporter with only the service account, the files and the variables that the chart gives a pod. It
// must report a healthy target, and nothing that it was not permitted to check. Without the role bindings it must report a problem.
func TestPermissionsSuffice(t *testing.T) {
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			l, administrator := enter(t)
			v := installation(t, administrator, mode)
			all := administrator.install(t, v)
			administrator.admitCanary(t, name)
			k := kubelet{live{administrator}, t.TempDir(), strings.TrimPrefix(administrator.variable("EXPORTER_KUBERNETES_HOST"), "https://")}
			if found := problem(t, k.command(t, all, "check", "--output=json")); found != "" {
				t.Errorf("with the permissions of the chart: %s", found)
			}
			if errors, err := l.LoginErrors(); err != nil || len(errors) > 0 {
				t.Errorf("failed logins: %v %v", errors, err)
			}
			if granted(t, all) == nil {
				return
			}
			administrator.must(t, "", "kubectl delete rolebinding,clusterrolebinding --all-namespaces --selector=app.kubernetes.io/instance="+release)
			if problem(t, k.command(t, all, "check", "--output=json")) == "" {
				t.Error("without the permissions of the chart the target is healthy too")
			}
		})
	}
}

// problem runs a check and returns what is wrong or was not permitted, or an empty string.
func problem(t *testing.T, check *exec.Cmd) string {
	t.Helper()
	out, _ := check.Output() // the report says whether the target is healthy
	var report struct {
		Targets []struct {
			Healthy        bool
			Reason, Detail string
			Reviewer       struct{ Reason, Detail string }
			Warnings       []struct{ Warning, Detail string }
		}
	}
	if err := json.Unmarshal(out, &report); err != nil || len(report.Targets) != 1 {
		t.Fatalf("exporter check: %v\n%s", err, out)
	}
	found := report.Targets[0]
	if !found.Healthy || found.Reviewer.Reason != "none" {
		return fmt.Sprintf("%+v", found)
	}
	for _, w := range found.Warnings {
		if w.Warning == "reviewer_not_checked" {
			return w.Detail
		}
	}
	return ""
}

// installation returns the values for a mode in the lab.
func installation(t *testing.T, s shell, mode string) values {
	t.Helper()
	v := merge(with(t, mode), with(t, fmt.Sprintf(`
fullnameOverride: installed
vault: {addr: %q, mount: %q, role: installed, ca: {existingConfigMap: vault-ca}}
`, s.variable("EXPORTER_VAULT_ADDR"), s.variable("EXPORTER_VAULT_MOUNT"))))
	if k, found := v["kubernetes"].(values); found {
		// The lab's proxy can be reached at two addresses.
		k["host"] = strings.Replace(s.variable("EXPORTER_KUBERNETES_HOST"), "127.0.0.1", "localhost", 1)
		k["tlsServerName"] = "127.0.0.1"
	}
	return v
}

// install creates the objects of an installation, and the ConfigMaps and Secrets that it refers to.
func (s shell) install(t *testing.T, v values) objects {
	t.Helper()
	s.must(t, "",
		`kubectl -n monitoring create configmap vault-ca --from-file=ca.crt="$EXPORTER_VAULT_CACERT"`,
		`kubectl -n monitoring create configmap kube-root-ca.crt --from-file=ca.crt="$EXPORTER_KUBERNETES_CACERT"`,
		`kubectl -n vault create secret generic vault-auth-token --from-file=token="$EXPORTER_REVIEWER_TOKEN_FILE"`,
		`kubectl -n monitoring create secret generic vault-auth-token --from-file=token="$EXPORTER_REVIEWER_TOKEN_FILE"`,
	)
	all := render(t, v)
	for _, name := range all.keys() {
		s.must(t, asJSON(t, all[name].Object), "kubectl apply --server-side -f -")
	}
	return all
}

// admitCanary writes the role as in the chart's notes and the documentation.
func (s shell) admitCanary(t *testing.T, mode string) {
	t.Helper()
	const role = `vault write "auth/$EXPORTER_VAULT_MOUNT/role/installed" bound_service_account_names=%s bound_service_account_namespaces=monitoring token_policies=default token_ttl=60s`
	switch mode {
	case "canary":
		s.must(t, "", `vault write "auth/$EXPORTER_VAULT_MOUNT/config" kubernetes_host="$EXPORTER_KUBERNETES_HOST" `+
			`kubernetes_ca_cert=@"$EXPORTER_KUBERNETES_CACERT" token_reviewer_jwt= disable_local_ca_jwt=true`, fmt.Sprintf(role, "installed"))
	case "minted canary":
		s.must(t, "", fmt.Sprintf(role, "canary")+" audience=vault")
	default:
		s.must(t, "", fmt.Sprintf(role, "installed")+" audience=vault")
	}
}

// TestLeaderLeads checks that the exporter can become the leader with the permissions that the chart grants.
func TestLeaderLeads(t *testing.T) {
	_, administrator := enter(t)
	mode := modes["file"] + "\nleaderElection: {enabled: true}\nextraArgs: [--web.listen-address=127.0.0.1:0, --health.listen-address=127.0.0.1:0]\n"
	all := administrator.install(t, installation(t, administrator, mode))
	administrator.admitCanary(t, "file")
	k := kubelet{live{administrator}, t.TempDir(), strings.TrimPrefix(administrator.variable("EXPORTER_KUBERNETES_HOST"), "https://")}
	serve := k.command(t, all, podOf(t, all).Spec.Containers[0].Args...)
	var log strings.Builder
	serve.Stderr = &log
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = serve.Process.Kill()
		_ = serve.Wait()
	}()
	for deadline := time.Now().Add(20 * time.Second); ; {
		out, err := administrator.paste(t, "", "kubectl -n monitoring get lease installed -o jsonpath={.spec.holderIdentity}")
		if err == nil && out != "" {
			return
		}
		if time.Now().After(deadline) {
			_ = serve.Process.Kill()
			_ = serve.Wait()
			t.Fatalf("there is no leader: %v %s\n%s", err, out, log.String())
		}
	}
}

// TestChangedFindsWhatIsStoredDifferently checks the comparison of TestAPIServerAdmits.
func TestChangedFindsWhatIsStoredDifferently(t *testing.T) {
	rendered := with(t, `{spec: {memory: 1000m, ports: [{port: 1, name: ""}], empty: {}}}`)
	for stored, want := range map[string]string{
		`{spec: {memory: 1000m, ports: [{port: 1, name: "", protocol: TCP}]}}`: "",
		`{spec: {memory: "1", ports: [{port: 1, name: ""}]}}`:                  ".spec.memory: 1, not 1000m",
		`{spec: {memory: 1000m, ports: [{port: 2, name: ""}]}}`:                ".spec.ports[0].port: 2, not 1",
		`{spec: {memory: 1000m, ports: []}}`:                                   ".spec.ports",
		`{spec: {memory: 1000m, ports: [{port: 1}]}}`:                          ".spec.ports[0].name: <nil>, not ",
	} {
		if got := changed("", any(rendered), any(with(t, stored))); got != want {
			t.Errorf("%s: %q, want %q", stored, got, want)
		}
	}
}

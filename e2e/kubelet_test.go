package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
)

// serviceAccountFiles is where Kubernetes mounts a pod's own token.
const serviceAccountFiles = "/var/run/secrets/kubernetes.io/serviceaccount"

// A fakeKubelet prepares the files and environment of a Deployment's pod, because the lab runs no
// kubelet. It puts a pod's files below a temporary directory, and replaces their paths wherever
// they are mentioned.
type fakeKubelet struct {
	shell
	deployment, namespace string
	spec                  core.PodSpec
	paths                 *strings.Replacer
}

// A pod has what the exporter of a Deployment runs with.
type pod struct {
	binary string
	env    []string
}

// createPod prepares the pod of a Deployment with one container. names are pairs of a host name and
// the address that replaces it, because the lab has no DNS.
func (s shell) createPod(deployment string, names ...string) pod {
	s.t.Helper()
	var d apps.Deployment
	s.object("deployment", deployment, &d)
	k := fakeKubelet{shell: s, deployment: deployment, namespace: d.Namespace, spec: d.Spec.Template.Spec}
	dir, replacements := s.t.TempDir(), names
	for _, mount := range k.container().VolumeMounts {
		replacements = append(replacements, mount.MountPath+"/", dir+mount.MountPath+"/")
	}
	k.paths = strings.NewReplacer(replacements...)
	for _, mount := range k.container().VolumeMounts {
		k.write(dir+mount.MountPath, k.volume(mount.Name))
	}
	return pod{
		binary: exporterInPod(s.t, dir+serviceAccountFiles),
		env:    append(k.environment(), k.apiServer()...),
	}
}

func (k fakeKubelet) container() core.Container { return k.spec.Containers[0] }

// environment has the variables of the pod's spec, and no others.
func (k fakeKubelet) environment() []string {
	k.t.Helper()
	var env []string
	for _, from := range k.container().EnvFrom {
		var variables core.ConfigMap
		k.object("configmap", from.ConfigMapRef.Name, &variables)
		for name, value := range variables.Data {
			env = append(env, name+"="+k.paths.Replace(value))
		}
	}
	for _, variable := range k.container().Env {
		if from := variable.ValueFrom; from == nil {
			env = append(env, variable.Name+"="+k.paths.Replace(variable.Value))
		} else {
			env = append(env, variable.Name+"="+k.field(from))
		}
	}
	return env
}

// field is the value of a variable that is taken from the pod itself.
func (k fakeKubelet) field(from *core.EnvVarSource) string {
	k.t.Helper()
	switch {
	case from.ResourceFieldRef != nil:
		limit := k.container().Resources.Limits[core.ResourceName(strings.TrimPrefix(from.ResourceFieldRef.Resource, "limits."))]
		return fmt.Sprint(limit.Value())
	case from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.namespace":
		return k.namespace
	case from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.name":
		return k.deployment + "-1"
	}
	k.t.Errorf("a variable comes from what the fake kubelet does not support: %+v", from)
	return ""
}

// apiServer has the variables that Kubernetes adds to every container.
func (k fakeKubelet) apiServer() []string {
	k.t.Helper()
	host, err := url.Parse(strings.TrimSpace(k.mustRun(`echo "$EXPORTER_KUBERNETES_HOST"`)))
	if err != nil {
		k.t.Fatal(err)
	}
	return []string{"KUBERNETES_SERVICE_HOST=" + host.Hostname(), "KUBERNETES_SERVICE_PORT=" + host.Port()}
}

// volume returns the files of a volume.
func (k fakeKubelet) volume(name string) map[string]string {
	k.t.Helper()
	i := slices.IndexFunc(k.spec.Volumes, func(v core.Volume) bool { return v.Name == name })
	if i < 0 {
		k.t.Fatalf("there is no volume %s", name)
	}
	switch v := k.spec.Volumes[i]; {
	case v.ConfigMap != nil:
		return k.configMap(v.ConfigMap.Name, v.ConfigMap.Items)
	case v.Secret != nil:
		return k.secret(v.Secret.SecretName, v.Secret.Items)
	case v.Projected != nil:
		files := map[string]string{}
		for _, source := range v.Projected.Sources {
			maps.Copy(files, k.projected(source))
		}
		return files
	}
	k.t.Errorf("volume %s has a type that the fake kubelet does not support", name)
	return nil
}

func (k fakeKubelet) projected(source core.VolumeProjection) map[string]string {
	k.t.Helper()
	switch {
	case source.ConfigMap != nil:
		return k.configMap(source.ConfigMap.Name, source.ConfigMap.Items)
	case source.Secret != nil:
		return k.secret(source.Secret.Name, source.Secret.Items)
	case source.DownwardAPI != nil:
		return map[string]string{source.DownwardAPI.Items[0].Path: k.namespace}
	case source.ServiceAccountToken != nil:
		return map[string]string{source.ServiceAccountToken.Path: k.mint(source.ServiceAccountToken)}
	}
	k.t.Errorf("a projected source that the fake kubelet does not support: %+v", source)
	return nil
}

func (k fakeKubelet) configMap(name string, items []core.KeyToPath) map[string]string {
	k.t.Helper()
	var from core.ConfigMap
	if !k.object("configmap", name, &from) {
		k.t.Errorf("there is no ConfigMap %s", name)
	}
	files := map[string]string{}
	for key, content := range from.Data {
		files[key] = k.paths.Replace(content)
	}
	return k.chosen(files, items)
}

func (k fakeKubelet) secret(name string, items []core.KeyToPath) map[string]string {
	k.t.Helper()
	var from core.Secret
	if !k.object("secret", name, &from) {
		k.t.Errorf("there is no Secret %s", name)
	}
	files := map[string]string{}
	for key, content := range from.Data {
		files[key] = string(content)
	}
	return k.chosen(files, items)
}

// chosen returns these keys under their paths, or everything if none is chosen.
func (k fakeKubelet) chosen(files map[string]string, items []core.KeyToPath) map[string]string {
	k.t.Helper()
	if items == nil {
		return files
	}
	chosen := map[string]string{}
	for _, item := range items {
		content, found := files[item.Key]
		if !found {
			k.t.Errorf("the key %s is missing: the pod would not start", item.Key)
		}
		chosen[item.Path] = content
	}
	return chosen
}

// mint creates a token of the pod's service account.
func (k fakeKubelet) mint(source *core.ServiceAccountTokenProjection) string {
	k.t.Helper()
	command := fmt.Sprintf("kubectl -n %s create token %s --duration=%ds", k.namespace, k.spec.ServiceAccountName, *source.ExpirationSeconds)
	if source.Audience != "" {
		command += " --audience=" + source.Audience
	}
	return k.mustRun(command)
}

// object reads an object in the namespace monitoring, and reports whether it exists.
func (s shell) object(kind, name string, into any) bool {
	s.t.Helper()
	text := s.mustRun("kubectl -n monitoring get --ignore-not-found -o json " + kind + " " + name)
	if text == "" {
		return false
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		s.t.Fatalf("reading the %s %s: %v", kind, name, err)
	}
	return true
}

func (k fakeKubelet) write(dir string, files map[string]string) {
	k.t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		k.t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			k.t.Fatal(err)
		}
	}
}

// exporterInPod compiles an exporter that looks for a pod's files in this directory.
func exporterInPod(t *testing.T, files string) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "exporter")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary,
		"-ldflags", "-s -w -X github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config.podFiles="+files, "../cmd/exporter")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("compiling the exporter: %v\n%s", err, out)
	}
	return binary
}

package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
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
	namespace string
	spec      core.PodSpec
	paths     *strings.Replacer
}

// A pod has what the exporter of a Deployment runs with.
type pod struct {
	dir, binary string
	env         []string
}

// tokenFile is the path of the token that is mounted at this directory of the pod.
func (p pod) tokenFile(mount string) string { return filepath.Join(p.dir, mount, "token") }

// createPod prepares the pod of a Deployment with one container. names are pairs of a host name and
// the address that replaces it, because the lab has no DNS.
func (s shell) createPod(deployment string, names ...string) pod {
	s.t.Helper()
	var d apps.Deployment
	s.object("deployment", deployment, &d)
	k := fakeKubelet{shell: s, namespace: d.Namespace, spec: d.Spec.Template.Spec}
	dir := s.t.TempDir()
	replacements := append(names, serviceAccountFiles+"/", dir+serviceAccountFiles+"/")
	for _, mount := range k.container().VolumeMounts {
		replacements = append(replacements, mount.MountPath+"/", dir+mount.MountPath+"/")
	}
	k.paths = strings.NewReplacer(replacements...)
	for _, mount := range k.container().VolumeMounts {
		k.write(dir+mount.MountPath, k.volume(mount.Name))
	}
	k.write(dir+serviceAccountFiles, k.serviceAccount())
	return pod{dir, exporterInPod(s.t, dir+serviceAccountFiles), append(k.environment(), k.apiServer()...)}
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
	return env
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

// volume returns the files of a volume. An optional one may be empty.
func (k fakeKubelet) volume(name string) map[string]string {
	k.t.Helper()
	files := map[string]string{}
	for _, v := range k.spec.Volumes {
		switch {
		case v.Name != name:
		case v.ConfigMap != nil:
			var from core.ConfigMap
			if !k.object("configmap", v.ConfigMap.Name, &from) && !*v.ConfigMap.Optional {
				k.t.Errorf("there is no ConfigMap %s", v.ConfigMap.Name)
			}
			for file, content := range from.Data {
				files[file] = k.paths.Replace(content)
			}
		case v.Secret != nil:
			var from core.Secret
			if !k.object("secret", v.Secret.SecretName, &from) && !*v.Secret.Optional {
				k.t.Errorf("there is no Secret %s", v.Secret.SecretName)
			}
			for file, content := range from.Data {
				files[file] = string(content)
			}
		case v.Projected != nil:
			for _, source := range v.Projected.Sources {
				files[source.ServiceAccountToken.Path] = k.mint(fmt.Sprintf("--audience=%s --duration=%ds",
					source.ServiceAccountToken.Audience, *source.ServiceAccountToken.ExpirationSeconds))
			}
		default:
			k.t.Errorf("volume %s has a type that the fake kubelet does not support", name)
		}
	}
	return files
}

func (k fakeKubelet) serviceAccount() map[string]string {
	return map[string]string{
		"token": k.mint(""), "namespace": k.namespace,
		"ca.crt": k.mustRun(`cat "$EXPORTER_KUBERNETES_CACERT"`),
	}
}

// mint creates a token of the pod's service account.
func (k fakeKubelet) mint(flags string) string {
	k.t.Helper()
	return k.mustRun(fmt.Sprintf("kubectl -n %s create token %s %s", k.namespace, k.spec.ServiceAccountName, flags))
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

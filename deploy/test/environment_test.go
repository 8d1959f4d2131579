package deploy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
)

// inPod is the directory of the pod's service account files, relative to the pod's root directory.
const inPod = "var/run/secrets/kubernetes.io/serviceaccount"

// exporter is the path of a binary that looks for the service account files below its working directory.
var exporter string

func TestMain(m *testing.M) {
	os.Exit(withExporter(m))
}

func withExporter(m *testing.M) int {
	dir, err := os.MkdirTemp("", "deploy-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	exporter = filepath.Join(dir, "exporter")
	build := exec.Command("go", "build", "-o", exporter, "-ldflags", "-X github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config.podFiles="+inPod, "./cmd/exporter")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "compiling the exporter: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// A cluster provides the contents of a pod's volumes and variables.
type cluster interface {
	configMap(t testing.TB, name string) map[string]string
	secret(t testing.TB, name string) map[string][]byte
	token(t testing.TB, account string, source *core.ServiceAccountTokenProjection) string
}

// A kubelet gives a process the files and variables that Kubernetes would give the container of a pod. The files are below root, and
// the paths in the variables lose their leading slash, so that they are relative to it.
type kubelet struct {
	cluster
	root      string
	apiServer string // host:port
}

// command returns a command that runs the exporter like the container of the installation's pod.
func (k kubelet) command(t testing.TB, all objects, args ...string) *exec.Cmd {
	t.Helper()
	pod := podOf(t, all).Spec
	var paths []string
	for _, mount := range pod.Containers[0].VolumeMounts {
		paths = append(paths, mount.MountPath)
	}
	moved := func(text string) string {
		for _, path := range paths {
			text = strings.ReplaceAll(text, path, path[1:])
		}
		return text
	}
	for _, mount := range pod.Containers[0].VolumeMounts {
		i := slices.IndexFunc(pod.Volumes, func(v core.Volume) bool { return v.Name == mount.Name })
		if i < 0 {
			t.Fatalf("no volume %s for %s", mount.Name, mount.MountPath)
		}
		if err := os.MkdirAll(filepath.Join(k.root, mount.MountPath), 0o700); err != nil {
			t.Fatal(err)
		}
		for name, content := range k.volume(t, pod, pod.Volumes[i].VolumeSource) {
			k.write(t, filepath.Join(mount.MountPath, name), moved(content))
		}
	}
	cmd := exec.CommandContext(t.Context(), exporter, args...)
	cmd.Dir = k.root
	for name, value := range k.variables(t, pod.Containers[0]) {
		cmd.Env = append(cmd.Env, name+"="+moved(value))
	}
	return cmd
}

func (k kubelet) write(t testing.TB, path, content string) {
	t.Helper()
	path = filepath.Join(k.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// volume returns the files of a volume.
func (k kubelet) volume(t testing.TB, pod core.PodSpec, v core.VolumeSource) map[string]string {
	t.Helper()
	switch {
	case v.EmptyDir != nil, v.PersistentVolumeClaim != nil:
		return nil
	case v.ConfigMap != nil:
		return items(t, k.configMap(t, v.ConfigMap.Name), v.ConfigMap.Items)
	case v.Secret != nil:
		return items(t, texts(k.secret(t, v.Secret.SecretName)), v.Secret.Items)
	case v.Projected == nil:
		t.Fatalf("an unknown kind of volume: %+v", v)
	}
	files := map[string]string{}
	for _, source := range v.Projected.Sources {
		switch {
		case source.ConfigMap != nil:
			for name, content := range items(t, k.configMap(t, source.ConfigMap.Name), source.ConfigMap.Items) {
				files[name] = content
			}
		case source.DownwardAPI != nil:
			files[source.DownwardAPI.Items[0].Path] = namespace
		case source.ServiceAccountToken != nil:
			files[source.ServiceAccountToken.Path] = k.token(t, pod.ServiceAccountName, source.ServiceAccountToken)
		default:
			t.Fatalf("an unknown kind of source: %+v", source)
		}
	}
	return files
}

// items returns the chosen keys under their paths, or all keys if none is chosen.
func items(t testing.TB, data map[string]string, chosen []core.KeyToPath) map[string]string {
	t.Helper()
	if chosen == nil {
		return data
	}
	files := map[string]string{}
	for _, item := range chosen {
		content, found := data[item.Key]
		if !found {
			t.Fatalf("the key %s is missing: the pod would not start", item.Key)
		}
		files[item.Path] = content
	}
	return files
}

func texts(data map[string][]byte) map[string]string {
	converted := map[string]string{}
	for name, content := range data {
		converted[name] = string(content)
	}
	return converted
}

func (k kubelet) variables(t testing.TB, c core.Container) map[string]string {
	t.Helper()
	host, port, err := net.SplitHostPort(k.apiServer)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
	for _, from := range c.EnvFrom {
		if from.SecretRef != nil {
			maps.Copy(env, texts(k.secret(t, from.SecretRef.Name)))
			continue
		}
		maps.Copy(env, k.configMap(t, from.ConfigMapRef.Name))
	}
	for _, variable := range c.Env {
		switch from := variable.ValueFrom; {
		case from == nil:
			env[variable.Name] = variable.Value
		case from.FieldRef != nil && from.FieldRef.FieldPath == "metadata.name":
			env[variable.Name] = release + "-1"
		default:
			t.Fatalf("an unknown source of a variable: %+v", variable)
		}
	}
	return env
}

// blank is a cluster in which every object that a pod refers to exists. Only the release's own objects have real content.
type blank struct{ own objects }

func (b blank) configMap(t testing.TB, name string) map[string]string {
	if o := b.own["ConfigMap/"+namespace+"/"+name]; o != nil {
		var m core.ConfigMap
		into(t, o, &m)
		return m.Data
	}
	return map[string]string{"ca.crt": string(pair(t).certificate), "service-ca.crt": string(pair(t).certificate)}
}

func (b blank) secret(t testing.TB, _ string) map[string][]byte {
	certificate := pair(t).certificate
	data := map[string][]byte{"token": nil, "web.yml": nil, "targets.yaml": []byte("[{name: one}]"), "ca.crt": certificate, "tls.crt": certificate, "tls.key": pair(t).key}
	for _, of := range []string{"prod-eu-1", "prod-us-1", "staging"} {
		data[of+"-ca.crt"] = certificate
	}
	return data
}

type pems struct{ certificate, key []byte }

// pair returns a certificate that the exporter accepts, and its key.
var pair = func() func(testing.TB) pems {
	made := sync.OnceValues(selfSigned)
	return func(t testing.TB) pems {
		p, err := made()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
}()

func selfSigned() (pems, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pems{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return pems{}, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return pems{}, err
	}
	return pems{
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}),
	}, nil
}

func (b blank) token(testing.TB, string, *core.ServiceAccountTokenProjection) string { return "" }

// config returns the output of exporter config in an installation.
func config(t testing.TB, v values) (string, error) {
	t.Helper()
	all := render(t, v)
	out, err := kubelet{blank{all}, t.TempDir(), "10.0.0.1:443"}.command(t, all, "config").CombinedOutput()
	return string(out), err
}

// TestExporterAcceptsTheEnvironment runs the exporter with the variables of every installation; it rejects unknown ones.
func TestExporterAcceptsTheEnvironment(t *testing.T) {
	for name, v := range installations(t) {
		t.Run(name, func(t *testing.T) {
			out, err := config(t, v)
			if err != nil {
				t.Fatalf("exporter config: %v\n%s", err, out)
			}
		})
	}
	t.Run("unknown variable", func(t *testing.T) {
		v := with(t, everything)
		v["extraEnv"] = []any{values{"name": "EXPORTER_VAULT_ADRR", "value": "x"}}
		if out, err := config(t, v); err == nil {
			t.Errorf("an unknown variable is accepted:\n%s", out)
		}
	})
}

// TestValuesReachTheExporter checks that the chart's values can set every variable of the program, and that they are passed unchanged.
func TestValuesReachTheExporter(t *testing.T) {
	resolved := map[string]string{}
	for _, given := range []string{everything, fromFiles, fromSecret, sharded} {
		out, err := config(t, with(t, given))
		if err != nil {
			t.Fatalf("exporter config: %v\n%s", err, out)
		}
		for line := range strings.Lines(out) {
			name, value, found := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "# "), "=")
			if found && strings.HasPrefix(name, "EXPORTER_") && value != "" && !defaults[name+"="+value] {
				resolved[name] = value
			}
		}
	}
	content, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := 0
	for line := range strings.Lines(string(content)) {
		cells := strings.Split(line, "|")
		name := strings.Trim(strings.TrimSpace(cells[min(1, len(cells)-1)]), "`")
		if len(cells) < 5 || !strings.HasPrefix(name, "EXPORTER_") {
			continue
		}
		documented++
		if _, reached := resolved[name]; !reached {
			t.Errorf("no value sets %s", name)
		}
	}
	if documented < 30 {
		t.Errorf("%d variables are documented, of more than 30: the table was not found completely", documented)
	}
	for name, want := range wanted {
		if resolved[name] != want {
			t.Errorf("%s is %q, want %q", name, resolved[name], want)
		}
	}
}

const (
	fromFiles = `
vault: {addr: "https://vault:8200", role: canary}
kubernetes: {host: "https://other:6443", ca: {existingSecret: ca}, token: {existingSecret: own}}
reviewer: {mode: file, existingSecret: reviewer}
canary: {audience: a-b}
interval: 90s
timeout: 20s
recheckInterval: 5s
expiryWarning: {tokens: 720h, certificates: 48h}
followUps: false
statusPage: false
probeAPI: false
`
	fromSecret = `
vault: {addr: "https://vault:8200", role: canary}
reviewer: {mode: secret, secret: vault/reviewer/jwt}
`
	sharded = `
vault: {addr: "https://vault:8200", role: canary}
reviewer: {mode: accessreview, serviceAccount: vault/vault}
targets: [{name: one}, {name: two, interval: 5m}]
sharding: {enabled: true, shards: 3}
`
)

// defaults are the values that the program uses if a variable is not set.
var defaults = map[string]bool{
	"EXPORTER_INTERVAL=1m0s": true, "EXPORTER_TIMEOUT=15s": true, "EXPORTER_RECHECK_INTERVAL=10s": true, "EXPORTER_FOLLOW_UPS=true": true,
	"EXPORTER_EXPIRY_WARNING_TOKENS=336h0m0s": true, "EXPORTER_EXPIRY_WARNING_CERTIFICATES=336h0m0s": true,
	"EXPORTER_TARGET_NAME=default": true, "EXPORTER_VAULT_MOUNT=kubernetes": true, "EXPORTER_STATUS_PAGE=true": true,
	"EXPORTER_PROBE_API=true": true, "EXPORTER_MAX_IN_FLIGHT=0": true, "EXPORTER_LEADER_ELECTION=false": true,
	"EXPORTER_SHARD=0": true, "EXPORTER_TOTAL_SHARDS=1": true, "EXPORTER_REVIEWER=file": true, "EXPORTER_CANARY=file": true,
}

var wanted = map[string]string{
	"EXPORTER_TARGET_NAME":           "prod",
	"EXPORTER_VAULT_CLIENT_KEY":      "var/run/secrets/vault-k8s-auth-exporter/vault-client/tls.key",
	"EXPORTER_CANARY_AUDIENCES":      "vault",
	"EXPORTER_VAULT_ALIASES":         "https://vault.example.com,https://10.0.0.7:8200",
	"EXPORTER_WORKLOADS_NAMESPACES":  "apps,vault",
	"EXPORTER_EXTERNAL_URL":          "https://monitoring.example.com/vault-auth",
	"EXPORTER_REVIEWER_SECRET":       "vault/reviewer/jwt",
	"EXPORTER_INTERVAL":              "1m30s",
	"EXPORTER_FOLLOW_UPS":            "false",
	"EXPORTER_SHARD":                 "1",
	"EXPORTER_TOTAL_SHARDS":          "3",
	"EXPORTER_LEADER_ELECTION_LEASE": "monitoring/vault-k8s-auth-exporter",
	"EXPORTER_TARGETS_FILE":          "etc/vault-k8s-auth-exporter/targets/targets.yaml",
	"EXPORTER_VOLUMES":               "etc/vault-k8s-auth-exporter/targets=configmap/vault-k8s-auth-exporter-targets",
}

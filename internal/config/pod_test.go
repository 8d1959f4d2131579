package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// inPod makes this process a pod, with these of the files that Kubernetes mounts.
func inPod(t *testing.T, names ...string) pod {
	t.Helper()
	f := newFiles(t)
	contents := map[string]string{"ca.crt": readAll(t, f.cert), "token": jwt, "namespace": "monitoring\n"}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(f.dir, name), []byte(contents[name]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	was := podFiles
	podFiles = f.dir
	t.Cleanup(func() { podFiles = was })
	return pod{host: "10.96.0.1", port: "443", files: f.dir}
}

func readAll(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// service are the variables that tell a container where its API server is.
var service = vars{"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}

func TestPod(t *testing.T) {
	f := newFiles(t)
	p := inPod(t, "ca.crt", "token")
	for _, tt := range []struct {
		name              string
		host, cert, token string
		want              evidence.Kubernetes
	}{
		{name: "all from the pod", want: evidence.Kubernetes{Host: "https://10.96.0.1:443", Alias: "https://kubernetes.default.svc", CACert: p.caCert(), TokenFile: p.tokenFile()}},
		{
			name: "the pod's own by name", host: "https://kubernetes.default.svc",
			want: evidence.Kubernetes{Host: "https://kubernetes.default.svc", Alias: p.address(), CACert: p.caCert(), TokenFile: p.tokenFile()},
		},
		{
			name: "the pod's own by full name", host: "https://kubernetes.default.svc.cluster.local:443",
			want: evidence.Kubernetes{Host: "https://kubernetes.default.svc.cluster.local:443", Alias: p.address(), CACert: p.caCert(), TokenFile: p.tokenFile()},
		},
		{name: "another cluster", host: "https://other:6443", want: evidence.Kubernetes{Host: "https://other:6443"}},
		{
			name: "a CA and a token of one's own", cert: f.cert, token: "/own/token",
			want: evidence.Kubernetes{Host: "https://10.96.0.1:443", Alias: "https://kubernetes.default.svc", CACert: f.cert, TokenFile: "/own/token"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := mustLoad(t, minimal().but(service).but(vars{
				"EXPORTER_KUBERNETES_HOST": tt.host, "EXPORTER_KUBERNETES_CACERT": tt.cert, "EXPORTER_KUBERNETES_TOKEN_FILE": tt.token,
			}))
			if diff := cmp.Diff(tt.want, c.Targets[0].Kubernetes); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPodWithoutToken(t *testing.T) {
	p := inPod(t, "ca.crt")
	got := mustLoad(t, minimal().but(service).but(vars{"EXPORTER_KUBERNETES_HOST": ""})).Targets[0].Kubernetes
	if diff := cmp.Diff(evidence.Kubernetes{Host: "https://10.96.0.1:443", Alias: "https://kubernetes.default.svc", CACert: p.caCert()}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPodIsRecognised(t *testing.T) {
	given(t, service)
	if got, want := findPod(), (pod{"10.96.0.1", "443", podFiles}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	given(t, vars{"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"})
	if got := findPod().address(); got != "https://[fd00::1]:443" {
		t.Errorf("got %s", got)
	}
	given(t, vars{"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": ""})
	if got := findPod(); got != (pod{}) {
		t.Errorf("without a port: %+v", got)
	}
}

func TestPodWithoutItsCA(t *testing.T) {
	p := inPod(t)
	_, err := load(t, minimal().but(service).but(vars{"EXPORTER_KUBERNETES_HOST": ""}))
	want := "EXPORTER_KUBERNETES_CACERT (default in a pod): reading " + shown(p.caCert()) + ": no such file or directory; allowed: the path of a PEM file with at least one certificate"
	if errorText(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// Commands name the objects behind the files of a pod. They do not make the replicas of an
// exporter differ.
func TestVolumes(t *testing.T) {
	p := inPod(t, "ca.crt", "namespace")
	loaded := func(name string) Config {
		return mustLoad(t, minimal().but(service).but(vars{
			"HOSTNAME": name, "EXPORTER_VOLUMES": "/etc/reviewer/=secret/vault-auth-token, /etc/vault=configmap/vault-ca",
		}))
	}
	one := loaded("exporter-1")
	want := evidence.Pod{Namespace: "monitoring", Name: "exporter-1", Volumes: []evidence.Volume{
		{Path: p.caCert(), Kind: evidence.KindConfigMap, Namespace: "default", Name: "kube-root-ca.crt"},
		{Path: "/etc/reviewer", Kind: evidence.KindSecret, Name: "vault-auth-token"},
		{Path: "/etc/vault", Kind: evidence.KindConfigMap, Name: "vault-ca"},
	}}
	if diff := cmp.Diff(want, one.Targets[0].Pod); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if other := loaded("exporter-2"); other.Hash() != one.Hash() {
		t.Error("the pod's name counts in the hash of the targets")
	}
	for _, malformed := range []string{"/etc/reviewer", "/etc/reviewer=vault-auth-token", "/etc/reviewer=pod/x", "/etc/$(x)=secret/x", "=secret/x", "/a=secret/x,"} {
		if _, err := load(t, minimal().but(vars{"EXPORTER_VOLUMES": malformed})); err == nil {
			t.Errorf("%s is accepted", malformed)
		}
	}
}

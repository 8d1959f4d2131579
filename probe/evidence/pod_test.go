package evidence

import (
	"strings"
	"testing"
)

func TestCommandsForFilesOfThePod(t *testing.T) {
	volumes := []Volume{
		{Path: "/etc/reviewer", Kind: KindSecret, Name: "vault-auth-token"},
		{Path: "/etc/vault", Kind: KindConfigMap, Name: "vault-ca"},
		{Path: "/run/pod/ca.crt", Kind: KindConfigMap, Namespace: "default", Name: "kube-root-ca.crt"},
	}
	pod := Pod{Namespace: "monitoring", Name: "exporter-1", Volumes: volumes}
	for _, test := range []struct {
		pod                  Pod
		file                 string
		inspect, shows, read string
	}{
		{pod, "/etc/reviewer/token", "kubectl -n monitoring describe secret vault-auth-token", "NotFound, or no token with content",
			`kubectl -n monitoring get secret vault-auth-token -o go-template='{{index .data "token" | base64decode}}'`},
		{pod, "/etc/vault/ca.pem", "kubectl -n monitoring describe configmap vault-ca", "NotFound, or no ca.pem with content",
			`kubectl -n monitoring get configmap vault-ca -o go-template='{{index .data "ca.pem"}}'`},
		{pod, "/run/pod/ca.crt", "kubectl -n default describe configmap kube-root-ca.crt", "NotFound, or no ca.crt with content",
			`kubectl -n default get configmap kube-root-ca.crt -o go-template='{{index .data "ca.crt"}}'`},
		{pod, "/run/pod/token", "kubectl -n monitoring describe pod exporter-1", "no volume that has /run/pod/token, or one whose object is missing", ""},
		{Pod{Name: "exporter-1", Volumes: volumes}, "/etc/reviewer/token", "ls -lL /etc/reviewer/token", "no file, an empty one, or one that the exporter may not read", ""},
		{Pod{}, "/etc/reviewer/token", "ls -lL /etc/reviewer/token", "no file, an empty one, or one that the exporter may not read", ""},
	} {
		if got := test.pod.Describe(test.file); strings.Contains(got, ", from the ") != (test.read != "") {
			t.Errorf("%s is described as %s", test.file, got)
		}
		if got, shows := test.pod.Inspect(test.file); got != test.inspect || shows != test.shows {
			t.Errorf("inspecting %s: %s shows %s, want %s shows %s", test.file, got, shows, test.inspect, test.shows)
		}
		if got, known := test.pod.Read(test.file); known != (test.read != "") || known && got != test.read {
			t.Errorf("reading %s: %s, %t, want %s", test.file, got, known, test.read)
		}
	}
}

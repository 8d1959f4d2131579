package config

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/localfile"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// What Kubernetes puts into a pod: its CA, its token and its namespace. Tests of the
// whole program, which run outside a pod, replace the directory when they link it:
// -ldflags "-X github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config.podFiles=DIRECTORY".
var podFiles = "/var/run/secrets/kubernetes.io/serviceaccount"

// pod is what Kubernetes tells a container of the API server of its own cluster. It
// is zero outside a pod.
type pod struct {
	host, port string
	// files is the directory of ca.crt, token and namespace.
	files string
}

func findPod() pod {
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return pod{}
	}
	return pod{host: host, port: port, files: podFiles}
}

func (p pod) exists() bool      { return p != (pod{}) }
func (p pod) address() string   { return "https://" + net.JoinHostPort(p.host, p.port) }
func (p pod) caCert() string    { return filepath.Join(p.files, "ca.crt") }
func (p pod) tokenFile() string { return filepath.Join(p.files, "token") }

// maxNamespace bounds the file with the pod's namespace, whose name has up to 63 bytes.
const maxNamespace = 1 << 10

// namespace is the pod's own, empty where it is not told.
func (p pod) namespace() string {
	content, err := localfile.Read(filepath.Join(p.files, "namespace"), maxNamespace)
	if err != nil || !p.exists() {
		return ""
	}
	return strings.TrimSpace(string(content))
}

// home is the API server of the cluster that the exporter runs in, spoken to with
// the pod's own token. It is zero outside a pod.
func (p pod) home() evidence.Kubernetes {
	if !p.exists() {
		return evidence.Kubernetes{}
	}
	return evidence.Kubernetes{Host: p.address(), CACert: p.caCert(), TokenFile: p.tokenFile()}
}

// fill gives the pod's API server, its CA and the pod's token to a target that
// names none. CA and token are only defaults for the pod's own API server: another
// one's certificate the CA cannot verify, and another one shall not see the token.
func (p pod) fill(text targetText, at place) (targetText, place) {
	if !p.exists() {
		return text, at
	}
	if text.KubernetesHost == "" {
		text.KubernetesHost = p.address()
		at = at.noted("KUBERNETES_HOST", "default, from KUBERNETES_SERVICE_HOST and _PORT")
	}
	if !p.serves(text.KubernetesHost) {
		return text, at
	}
	if text.KubernetesCacert == "" {
		text.KubernetesCacert = p.caCert()
		at = at.noted("KUBERNETES_CACERT", "default in a pod")
	}
	if _, err := os.Stat(p.tokenFile()); err == nil && text.KubernetesTokenFile == "" {
		text.KubernetesTokenFile = p.tokenFile()
		at = at.noted("KUBERNETES_TOKEN_FILE", "default in a pod")
	}
	return text, at
}

// serves reports whether a URL means the API server of the pod's own cluster.
func (p pod) serves(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	host := u.Hostname()
	return slices.Contains([]string{p.host, "kubernetes", "kubernetes.default", "kubernetes.default.svc"}, host) ||
		strings.HasPrefix(host, "kubernetes.default.svc.")
}

// isPodToken reports whether a path is that of the token that Kubernetes puts into
// every pod for its own API server.
func isPodToken(path string) bool {
	token := filepath.Join(podFiles, "token")
	if filepath.Clean(path) == token {
		return true
	}
	this, err := os.Stat(path)
	if err != nil {
		return false
	}
	that, err := os.Stat(token)
	return err == nil && os.SameFile(this, that)
}

package config

import (
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/localfile"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// podFiles is where Kubernetes mounts the CA, the token and the namespace of a pod.
// Tests of the whole program run outside a pod and set another directory:
// -ldflags "-X github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config.podFiles=DIRECTORY".
var podFiles = "/var/run/secrets/kubernetes.io/serviceaccount"

// pod is what a container knows of the API server of its own cluster. It is zero
// outside a pod.
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

// maxNamespace limits the file with the pod's namespace, whose name has at most 63 bytes.
const maxNamespace = 1 << 10

// namespace is the pod's own, empty if it is not known.
func (p pod) namespace() string {
	content, err := localfile.Read(filepath.Join(p.files, "namespace"), maxNamespace)
	if err != nil || !p.exists() {
		return ""
	}
	return strings.TrimSpace(string(content))
}

// describe is the pod with its volumes, to which the CA of its service account belongs. By
// default a pod's name is its host name.
func (p pod) describe(volumes []evidence.Volume) evidence.Pod {
	if !p.exists() {
		return evidence.Pod{}
	}
	own := evidence.Volume{Path: p.caCert(), Kind: evidence.KindConfigMap, Namespace: "default", Name: "kube-root-ca.crt"} // the same in every namespace
	return evidence.Pod{Namespace: p.namespace(), Name: os.Getenv("HOSTNAME"), Volumes: append([]evidence.Volume{own}, volumes...)}
}

// home is the API server of the cluster that the exporter runs in, with the pod's
// own token. It is zero outside a pod.
func (p pod) home() evidence.Kubernetes {
	if !p.exists() {
		return evidence.Kubernetes{}
	}
	return evidence.Kubernetes{Host: p.address(), CACert: p.caCert(), TokenFile: p.tokenFile()}
}

// fill sets the defaults of a target in a pod: its API server, and for this one the
// pod's CA and token. The CA cannot verify another API server, and another must not
// receive the token.
func (p pod) fill(v values, names keyNames) (values, keyNames) {
	if !p.exists() {
		return v, names
	}
	v = maps.Clone(v)
	setDefault := func(key, value, note string) {
		if v[key] == "" {
			v[key], names = value, names.noted(key, note)
		}
	}
	setDefault("KUBERNETES_HOST", p.address(), "default, from KUBERNETES_SERVICE_HOST and _PORT")
	if !p.serves(v["KUBERNETES_HOST"]) {
		return v, names
	}
	setDefault("KUBERNETES_CACERT", p.caCert(), "default in a pod")
	if _, err := os.Stat(p.tokenFile()); err == nil {
		setDefault("KUBERNETES_TOKEN_FILE", p.tokenFile(), "default in a pod")
	}
	return v, names
}

// serves reports whether a URL means the API server of the pod's own cluster.
func (p pod) serves(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	return u.Hostname() == p.host || evidence.IsServiceName(u.Hostname())
}

// alias returns the other URL of the API server of the pod's own cluster: its address for
// the name of its Service and the reverse. It is empty for another server.
func (p pod) alias(address string) string {
	switch {
	case !p.exists() || !p.serves(address):
		return ""
	case evidence.SameHost(address, p.address()):
		return "https://kubernetes.default.svc"
	}
	return p.address()
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

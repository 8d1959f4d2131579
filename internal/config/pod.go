package config

import (
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
)

// serviceAccountCA is the file in which a pod finds the CA of its API server.
const serviceAccountCA = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"

// pod is what Kubernetes tells a container of the API server. It is zero outside
// a pod.
type pod struct {
	host, port string
	caCert     string
}

func podOf(caCert string) pod {
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return pod{}
	}
	return pod{host: host, port: port, caCert: caCert}
}

// fill gives the pod's API server and its CA to an environment that names none.
// The CA is only a default for the pod's own API server: another one's
// certificate it cannot verify.
func (p pod) fill(e environment, names map[string]string) environment {
	if p == (pod{}) {
		return e
	}
	if e.KubernetesHost == "" {
		e.KubernetesHost = "https://" + net.JoinHostPort(p.host, p.port)
		names["KUBERNETES_HOST"] = prefix + "KUBERNETES_HOST (default, from KUBERNETES_SERVICE_HOST and _PORT)"
	}
	if e.KubernetesCacert == "" && p.serves(e.KubernetesHost) {
		e.KubernetesCacert = p.caCert
		names["KUBERNETES_CACERT"] = prefix + "KUBERNETES_CACERT (default in a pod)"
	}
	return e
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

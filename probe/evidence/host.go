package evidence

import (
	"cmp"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// SameHost reports whether two URLs address the same server. Case, a default port, a
// trailing slash or dot, and the choice among the names of the API server's Service make
// no difference.
func SameHost(a, b string) bool { return canonicalHost(a) == canonicalHost(b) }

// IsServedAt reports whether a URL addresses this API server.
func (k Kubernetes) IsServedAt(host string) bool {
	return SameHost(host, k.Host) || k.Alias != "" && SameHost(host, k.Alias)
}

var defaultPorts = map[string]string{"https": "443", "http": "80"}

func canonicalHost(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	scheme, name := strings.ToLower(u.Scheme), strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if ip, err := netip.ParseAddr(name); err == nil { // IPv6 has several notations
		name = ip.String()
	}
	if IsServiceName(name) {
		name = "kubernetes.default.svc"
	}
	port := cmp.Or(u.Port(), defaultPorts[scheme])
	return scheme + "://" + net.JoinHostPort(name, port) + strings.TrimRight(u.Path, "/")
}

// Hostname returns the name or address in a URL; empty if it is none.
func Hostname(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// ServiceNamespace returns the namespace in the DNS name of a Service, such as vault.vault.svc, in
// a URL; empty if the URL has another name.
func ServiceNamespace(address string) string {
	if labels := strings.Split(Hostname(address), "."); len(labels) > 2 && labels[2] == "svc" {
		return labels[1]
	}
	return ""
}

// IsServiceName reports whether a host name is one of those by which pods reach the API
// server's Service in their own cluster.
func IsServiceName(name string) bool {
	return slices.Contains([]string{"kubernetes", "kubernetes.default", "kubernetes.default.svc"}, name) ||
		strings.HasPrefix(name, "kubernetes.default.svc.")
}

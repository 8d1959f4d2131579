package lab

import (
	"context"
	"net/http"
)

// unresolvableHost has an empty label, so Go's resolver rejects it without a DNS query.
const unresolvableHost = "https://kubernetes..svc:6443"

// vaultToKubernetesFaults affect only Vault's connection to Kubernetes: the mount's host is vaultOnlyProxy, or the
// mount's CA is wrong.
func vaultToKubernetesFaults() []Fault {
	unspecific := byElimination("vault_to_kubernetes_failed")
	return []Fault{
		{
			Name:    "vault_to_kubernetes_failed",
			Summary: "the mount's host responds with 503",
			Bare:    unspecific, Full: proven("vault_to_kubernetes_failed"),
			Inject: breakMountHost(serveFake(unavailableServer, issuedBy(clusterCA))),
			Heal:   healMountHost,
		},
		{
			Name:    "vault_to_kubernetes_misconfigured",
			Summary: "the mount's host has no scheme",
			Bare:    unspecific, Full: proven("vault_to_kubernetes_misconfigured"),
			Inject: setConfig(func(l *Lab) fields { return fields{"kubernetes_host": l.kubernetesProxy.address} }),
			Heal:   healConfig,
		},
		{
			Name:    "vault_to_kubernetes_misconfigured_not_apiserver",
			Summary: "the mount's host is a web server that is not an API server",
			Bare:    unspecific, Full: proven("vault_to_kubernetes_misconfigured"),
			Inject: breakMountHost(serveFake(webServer, issuedBy(clusterCA))),
			Heal:   healMountHost,
		},
		{
			Name:    "vault_to_kubernetes_proxy",
			Summary: "Vault connects to the mount's host through the proxy in its environment, which refuses that",
			Bare:    unspecific, Full: proven("vault_to_kubernetes_proxy"),
			Inject: setConfig(func(*Lab) fields { return fields{"kubernetes_host": "https://kubernetes.default.svc"} }),
			Heal:   healConfig,
		},
		{
			Name:    "vault_to_kubernetes_timeout",
			Summary: "the mount's host accepts connections and never responds",
			Bare:    proven("vault_to_kubernetes_timeout"),
			Inject:  breakMountHost(hang),
			Heal:    healMountHost,
		},
		{
			Name:    "vault_to_kubernetes_tls",
			Summary: "the mount has another CA than the API server's",
			Bare:    unspecific, Full: Verdict{"vault_to_kubernetes_tls", "proven", "mount_ca_mismatch"},
			Inject: replaceMountCA("somebody else's CA"),
			Heal:   healConfig,
		},
		{
			Name:    "vault_to_kubernetes_tls_name",
			Summary: "the mount's host has a certificate from the cluster's CA, for another name",
			Bare:    unspecific, Full: proven("vault_to_kubernetes_tls"),
			Inject: breakMountHost(serveFake(passThrough, issuedBy(clusterCA, wrongName))),
			Heal:   healMountHost,
		},
		{
			Name:    "vault_to_kubernetes_tls_other_cluster",
			Summary: "the mount has another cluster's CA, with the same common name",
			Bare:    unspecific, Full: Verdict{"vault_to_kubernetes_tls", "proven", "mount_ca_mismatch"},
			Inject: replaceMountCA(clusterAuthority),
			Heal:   healConfig,
		},
		{
			Name:    "vault_to_kubernetes_tls_plain",
			Summary: "the mount's host speaks plain HTTP",
			Bare:    unspecific, Full: proven("vault_to_kubernetes_tls"),
			Inject: breakMountHost(serveFake(webServer, noCertificate)),
			Heal:   healMountHost,
		},
		{
			Name:    "vault_to_kubernetes_unreachable",
			Summary: "the mount's host refuses connections",
			Bare:    unspecific, Full: proven("vault_to_kubernetes_unreachable"),
			Inject: breakMountHost(refuse),
			Heal:   healMountHost,
		},
		{
			Name:    "vault_to_kubernetes_unreachable_dns",
			Summary: "the mount's host has a name that does not exist",
			Bare:    unspecific, Full: proven("vault_to_kubernetes_unreachable"),
			Inject: setConfig(func(*Lab) fields { return fields{"kubernetes_host": unresolvableHost} }),
			Heal:   healConfig,
		},
	}
}

// breakMountHost sets the mode of vaultOnlyProxy and makes it the mount's host.
func breakMountHost(mode proxyMode) change {
	return sequence(onProxy(vaultOnlyProxyOf, mode),
		setConfig(func(l *Lab) fields { return fields{"kubernetes_host": "https://" + l.vaultOnlyProxy.address} }))
}

func healMountHost(ctx context.Context, l *Lab) error {
	return sequence(onProxy(vaultOnlyProxyOf, forward), healConfig)(ctx, l)
}

// setConfig writes the mount's config with the changed fields replaced.
func setConfig(changed func(*Lab) fields) change {
	return func(ctx context.Context, l *Lab) error { return l.configure(ctx, changed(l)) }
}

func healConfig(ctx context.Context, l *Lab) error { return l.configure(ctx, nil) }

// replaceMountCA makes a new CA with that common name the mount's CA.
func replaceMountCA(name string) change {
	return func(ctx context.Context, l *Lab) error {
		other, err := newAuthority(name)
		if err != nil {
			return err
		}
		return l.configure(ctx, fields{"kubernetes_ca_cert": string(other.PEM)})
	}
}

// unavailableServer responds like an API server whose etcd is unavailable.
var unavailableServer = fixedResponse(http.StatusServiceUnavailable, "application/json",
	`{"kind":"Status","apiVersion":"v1","status":"Failure","message":"the server is currently unable to handle the request","reason":"ServiceUnavailable","code":503}`)

// webServer responds like a web server that is neither Vault nor an API server.
var webServer = fixedResponse(http.StatusOK, "text/html", "<!DOCTYPE html><title>Welcome</title><p>It works.</p>")

// refusingProxy responds like an HTTP proxy that may not connect to the host.
var refusingProxy = fixedResponse(http.StatusForbidden, "text/html", "<!DOCTYPE html><title>Access denied</title>")

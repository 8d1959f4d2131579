package lab

import (
	"context"
	"net/http"
)

// noSuchHost is a name that Go's resolver refuses without asking anybody: it has an empty label.
const unresolvableHost = "https://kubernetes..svc:6443"

// vaultToKubernetesFaults are those of the way from Vault to Kubernetes alone: the mount's host is the decoy, or its CA is wrong.
func vaultToKubernetesFaults() []Fault {
	unspecific := byElimination("vault_to_kubernetes_failed")
	return []Fault{
		{
			Name:    "vault_to_kubernetes_failed",
			Summary: "the mount's host answers 503",
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
			Summary: "the mount's host is a web server that is no API server",
			Bare:    unspecific, Full: proven("vault_to_kubernetes_misconfigured"),
			Inject: breakMountHost(serveFake(webServer, issuedBy(clusterCA))),
			Heal:   healMountHost,
		},
		{
			Name:    "vault_to_kubernetes_timeout",
			Summary: "the mount's host takes connections and never answers",
			Bare:    byElimination("vault_to_kubernetes_timeout"),
			Inject:  breakMountHost(hang),
			Heal:    healMountHost,
		},
		{
			Name:    "vault_to_kubernetes_tls",
			Summary: "the mount's CA is another one",
			Bare:    unspecific, Full: Verdict{"vault_to_kubernetes_tls", "proven", "mount_ca_mismatch"},
			Inject: replaceMountCA("somebody else's CA"),
			Heal:   healConfig,
		},
		{
			Name:    "vault_to_kubernetes_tls_name",
			Summary: "the mount's host has a certificate of the cluster's CA for another name",
			Bare:    unspecific, Full: proven("vault_to_kubernetes_tls"),
			Inject: breakMountHost(serveFake(passThrough, issuedBy(clusterCA, wrongName))),
			Heal:   healMountHost,
		},
		{
			Name:    "vault_to_kubernetes_tls_other_cluster",
			Summary: "the mount's CA is another cluster's, of the same name",
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

// decoyed makes the decoy the mount's host, after it was made to fail.
func breakMountHost(fail proxyMode) change {
	return sequence(onProxy(vaultOnlyProxyOf, fail),
		setConfig(func(l *Lab) fields { return fields{"kubernetes_host": "https://" + l.vaultOnlyProxy.address} }))
}

func healMountHost(ctx context.Context, l *Lab) error {
	return sequence(onProxy(vaultOnlyProxyOf, forward), healConfig)(ctx, l)
}

// configured writes the mount's configuration with something changed.
func setConfig(changed func(*Lab) fields) change {
	return func(ctx context.Context, l *Lab) error { return l.configure(ctx, changed(l)) }
}

func healConfig(ctx context.Context, l *Lab) error { return l.configure(ctx, nil) }

// caReplaced gives the mount a new authority of that name.
func replaceMountCA(name string) change {
	return func(ctx context.Context, l *Lab) error {
		other, err := newAuthority(name)
		if err != nil {
			return err
		}
		return l.configure(ctx, fields{"kubernetes_ca_cert": string(other.PEM)})
	}
}

// unavailable answers as an API server does that has no store.
var unavailableServer = fixedResponse(http.StatusServiceUnavailable, "application/json",
	`{"kind":"Status","apiVersion":"v1","status":"Failure","message":"the server is currently unable to handle the request","reason":"ServiceUnavailable","code":503}`)

// page answers as a web server does that knows nothing of the API.
var webServer = fixedResponse(http.StatusOK, "text/html", "<!DOCTYPE html><title>Welcome</title><p>It works.</p>")

package lab

import (
	"context"
	"time"
)

// endingCAFile is the CA of the API server for an exporter whose file has one that expires soon.
const endingCAFile = "kubernetes-ca-ending.crt"

// endingCA is the cluster's CA in an older certificate, which expires tomorrow.
func (l *Lab) endingCA() (*authority, error) {
	return l.cluster.ca.validFor(time.Now().AddDate(-1, 0, 0), time.Now().AddDate(0, 0, 1))
}

// kubernetesFaults affect the exporter and Vault alike, except those with an Env or the last, which affect the exporter
// alone.
func kubernetesFaults() []Fault {
	fault := func(name, summary string, mode proxyMode) Fault {
		return Fault{Name: name, Summary: summary, Bare: proven(name), Inject: onProxy(kubernetesProxyOf, mode), Heal: onProxy(kubernetesProxyOf, forward)}
	}
	// Only through the diagnostic role Vault reports the same.
	confirmed := func(f Fault) Fault { f.Bare, f.Full = byElimination(f.Name), proven(f.Name); return f }
	return []Fault{
		confirmed(fault("kubernetes_bad_response", "a web server that is not an API server responds at the API server's address", serveFake(webServer, issuedBy(clusterCA)))),
		fault("kubernetes_throttled", "the API server responds with 429, as its priority and fairness does", serveFake(throttlingServer, issuedBy(clusterCA))),
		fault("kubernetes_timeout", "the API server's address accepts connections and never responds", hang),
		fault("kubernetes_tls_expired", "the API server's certificate expired yesterday", serveFake(passThrough, issuedBy(clusterCA, expiredYesterday))),
		confirmed(fault("kubernetes_tls_failed", "the API server's address speaks plain HTTP", serveFake(webServer, noCertificate))),
		confirmed(fault("kubernetes_tls_name", "the API server's certificate is for another name", serveFake(passThrough, issuedBy(clusterCA, wrongName)))),
		confirmed(fault("kubernetes_tls_untrusted", "the API server's certificate is from a CA that neither the exporter nor Vault trusts", serveFake(passThrough, issuedBy(unknownCA)))),
		fault("kubernetes_unavailable", "the API server responds with 503", serveFake(unavailableServer, issuedBy(clusterCA))),
		confirmed(fault("kubernetes_unreachable", "the API server's address refuses connections from the exporter and from Vault", refuse)),
		{
			Name:    "certificate_expiring_exporters_ca",
			Summary: "the CA of the API server in the exporter's file expires in a day",
			Bare:    healthyWithWarning("certificate_expiring"),
			Env:     []string{"EXPORTER_KUBERNETES_CACERT=$LAB/" + endingCAFile},
			Inject: func(_ context.Context, l *Lab) error {
				ending, err := l.endingCA()
				if err != nil {
					return err
				}
				return ReplaceFile(l.path(endingCAFile), ending.PEM)
			},
			Heal: func(_ context.Context, l *Lab) error { return ReplaceFile(l.path(endingCAFile), l.cluster.ca.PEM) },
		},
		{
			Name:    "kubernetes_dns",
			Summary: "the exporter and Vault are configured with a name of the API server that does not exist",
			Bare:    byElimination("kubernetes_dns"), Full: proven("kubernetes_dns"),
			Env:    []string{"EXPORTER_KUBERNETES_HOST=" + unresolvableHost},
			Inject: setConfig(func(*Lab) fields { return fields{"kubernetes_host": unresolvableHost} }),
			Heal:   healConfig,
		},
		{
			Name:    "kubernetes_unreachable_from_exporter",
			Summary: "the API server's address refuses connections from the exporter, while Vault uses another address",
			Bare:    healthyWithWarning("kubernetes_unreachable_from_exporter"),
			Inject: sequence(onProxy(kubernetesProxyOf, refuse),
				setConfig(func(l *Lab) fields { return fields{"kubernetes_host": "https://" + l.cluster.address} })),
			Heal: sequence(onProxy(kubernetesProxyOf, forward), healConfig),
		},
	}
}

// authenticate fails if the API server does not accept a token.
func (c *cluster) authenticate(ctx context.Context, token string) error {
	bearer := newClient(c.base, c.anonymous)
	defer bearer.close()
	bearer.header.Set("Authorization", "Bearer "+token)
	return bearer.get(ctx, "/version", nil)
}

// onProxy sets the mode of one of the lab's proxies.
func onProxy(way func(*Lab) *proxy, mode proxyMode) change {
	return func(_ context.Context, l *Lab) error { return mode(l, way(l)) }
}

func kubernetesProxyOf(l *Lab) *proxy { return l.kubernetesProxy }
func vaultProxyOf(l *Lab) *proxy      { return l.vaultProxy }
func vaultOnlyProxyOf(l *Lab) *proxy  { return l.vaultOnlyProxy }

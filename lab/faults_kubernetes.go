package lab

import "context"

// kubernetesFaults are those that the exporter and Vault see alike, but for the last.
func kubernetesFaults() []Fault {
	fault := func(name, summary string, fail proxyMode) Fault {
		return Fault{Name: name, Summary: summary, Bare: byElimination(name), Inject: onProxy(kubernetesProxyOf, fail), Heal: onProxy(kubernetesProxyOf, forward)}
	}
	return []Fault{
		fault("kubernetes_bad_response", "a web server that is no API server answers at its address", serveFake(webServer, issuedBy(clusterCA))),
		fault("kubernetes_throttled", "the API server answers 429, as its priority and fairness does", serveFake(throttlingServer, issuedBy(clusterCA))),
		fault("kubernetes_timeout", "the API server's address takes connections and never answers", hang),
		fault("kubernetes_tls_expired", "the API server's certificate expired yesterday", serveFake(passThrough, issuedBy(clusterCA, expiredYesterday))),
		fault("kubernetes_tls_failed", "the API server's address speaks plain HTTP", serveFake(webServer, noCertificate)),
		fault("kubernetes_tls_name", "the API server's certificate is for another name", serveFake(passThrough, issuedBy(clusterCA, wrongName))),
		fault("kubernetes_tls_untrusted", "the API server's certificate is of an authority that nobody knows", serveFake(passThrough, issuedBy(unknownCA))),
		fault("kubernetes_unavailable", "the API server answers 503", serveFake(unavailableServer, issuedBy(clusterCA))),
		fault("kubernetes_unreachable", "the API server's address refuses connections, of the exporter and of Vault", refuse),
		{
			Name:    "kubernetes_dns",
			Summary: "the API server has a name that does not exist, for the exporter and for Vault",
			Bare:    byElimination("kubernetes_dns"),
			Env:     []string{"EXPORTER_KUBERNETES_HOST=" + unresolvableHost},
			Inject:  setConfig(func(*Lab) fields { return fields{"kubernetes_host": unresolvableHost} }),
			Heal:    healConfig,
		},
		{
			Name:    "kubernetes_unreachable_from_exporter",
			Summary: "the API server's address refuses connections of the exporter, while Vault has another way",
			Bare:    healthyWithWarning("kubernetes_unreachable_from_exporter"),
			Inject: sequence(onProxy(kubernetesProxyOf, refuse),
				setConfig(func(l *Lab) fields { return fields{"kubernetes_host": "https://" + l.cluster.address} })),
			Heal: sequence(onProxy(kubernetesProxyOf, forward), healConfig),
		},
	}
}

// ask asks the API server with a token who it takes its bearer for.
func (c *cluster) selfReview(ctx context.Context, token string) error {
	bearer := newClient(c.base, c.anonymous)
	defer bearer.close()
	bearer.header.Set("Authorization", "Bearer "+token)
	return bearer.post(ctx, "/apis/authentication.k8s.io/v1/selfsubjectreviews", fields{}, nil)
}

// on tells one of the lab's proxies to fail.
func onProxy(way func(*Lab) *proxy, fail proxyMode) change {
	return func(_ context.Context, l *Lab) error { return fail(l, way(l)) }
}

func kubernetesProxyOf(l *Lab) *proxy { return l.kubernetesProxy }
func vaultProxyOf(l *Lab) *proxy      { return l.vaultProxy }
func vaultOnlyProxyOf(l *Lab) *proxy  { return l.vaultOnlyProxy }

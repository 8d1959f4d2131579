package lab

import "context"

// kubernetesFaults are those that the exporter and Vault see alike, but for the last.
func kubernetesFaults() []Fault {
	fault := func(name, summary string, fail failure) Fault {
		return Fault{Name: name, Summary: summary, Bare: byElimination(name), Inject: on(toKubernetes, fail), Heal: on(toKubernetes, forwarded)}
	}
	return []Fault{
		fault("kubernetes_bad_response", "a web server that is no API server answers at its address", impersonated(page, signed(byCluster))),
		fault("kubernetes_throttled", "the API server answers 429, as its priority and fairness does", impersonated(throttled, signed(byCluster))),
		fault("kubernetes_timeout", "the API server's address takes connections and never answers", hung),
		fault("kubernetes_tls_expired", "the API server's certificate expired yesterday", impersonated(backend, signed(byCluster, outdated))),
		fault("kubernetes_tls_failed", "the API server's address speaks plain HTTP", impersonated(page, noCertificate)),
		fault("kubernetes_tls_name", "the API server's certificate is for another name", impersonated(backend, signed(byCluster, misnamed))),
		fault("kubernetes_tls_untrusted", "the API server's certificate is of an authority that nobody knows", impersonated(backend, signed(byStranger))),
		fault("kubernetes_unavailable", "the API server answers 503", impersonated(unavailable, signed(byCluster))),
		fault("kubernetes_unreachable", "the API server's address refuses connections, of the exporter and of Vault", refused),
		{
			Name:    "kubernetes_dns",
			Summary: "the API server has a name that does not exist, for the exporter and for Vault",
			Bare:    byElimination("kubernetes_dns"),
			Env:     []string{"EXPORTER_KUBERNETES_HOST=" + noSuchHost},
			Inject:  configured(func(*Lab) fields { return fields{"kubernetes_host": noSuchHost} }),
			Heal:    healConfig,
		},
		{
			Name:    "kubernetes_unreachable_from_exporter",
			Summary: "the API server's address refuses connections of the exporter, while Vault has another way",
			Bare:    warned("kubernetes_unreachable_from_exporter"),
			Inject: inOrder(on(toKubernetes, refused),
				configured(func(l *Lab) fields { return fields{"kubernetes_host": "https://" + l.cluster.address} })),
			Heal: inOrder(on(toKubernetes, forwarded), healConfig),
		},
	}
}

// ask asks the API server with a token who it takes its bearer for.
func (c *cluster) ask(ctx context.Context, token string) error {
	bearer := newClient(c.base, c.anonymous)
	defer bearer.close()
	bearer.header.Set("Authorization", "Bearer "+token)
	return bearer.post(ctx, "/apis/authentication.k8s.io/v1/selfsubjectreviews", fields{}, nil)
}

// on tells one of the lab's proxies to fail.
func on(way func(*Lab) *proxy, fail failure) change {
	return func(_ context.Context, l *Lab) error { return fail(l, way(l)) }
}

func toKubernetes(l *Lab) *proxy { return l.toKubernetes }
func toVault(l *Lab) *proxy      { return l.toVault }
func toDecoy(l *Lab) *proxy      { return l.decoy }

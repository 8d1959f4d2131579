package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Expiries lists every token and certificate that the run has seen, the first to end first.
// Certificates that nothing needs are listed only if they have expired or expire soon. Tokens
// that the exporter mints are not listed: it renews them itself. It is a pure function.
func Expiries(t evidence.Target, e evidence.Evidence) []Expiry {
	all := slices.Concat(tokenExpiries(t, e), vaultExpiries(t, e), kubernetesExpiries(t, e), mountCAExpiries(t, e))
	for i, x := range all {
		all[i].WarnAt = warnAt(noticeOf(t, x.What), x.Begin, x.End)
	}
	all = slices.DeleteFunc(all, func(x Expiry) bool { return x.Effect == NothingEnds && !x.Soon(e.At) })
	slices.SortStableFunc(all, firstToEnd)
	return all
}

// LastSeen adds to what a run has seen what earlier runs have seen last: a server that is down
// still has the certificate that it had.
func LastSeen(e evidence.Evidence, seen, earlier []Expiry) []Expiry {
	all := slices.Clone(seen)
	for _, x := range earlier {
		if !observed(e, x.What) {
			all = append(all, x)
		}
	}
	slices.SortStableFunc(all, firstToEnd)
	return all
}

// observed reports whether the run has seen all that there is of an item.
func observed(e evidence.Evidence, i Item) bool {
	switch i {
	case ReviewerTokenItem:
		return e.ReviewerToken.Ok()
	case CanaryTokenItem:
		return e.CanaryToken.Ok()
	case ExporterTokenItem:
		return e.OwnToken.Ok()
	case VaultCertificateItem, ClientCertificateItem:
		return len(e.VaultChain.Served) > 0
	case VaultCAItem:
		return e.VaultChain.Verified()
	case KubernetesCertificateItem:
		return len(e.KubernetesChain.Served) > 0
	case KubernetesCAItem:
		return e.KubernetesChain.Verified()
	}
	m, config := e.MountAuthorities, e.Mount.Config
	return config.Ok() && (config.Value.CACert == "" || len(m.Others) > 0 || m.Verifying != (evidence.Certificate{}))
}

// firstToEnd sorts what has no end last.
func firstToEnd(a, b Expiry) int {
	switch {
	case a.End.Equal(b.End):
		return 0
	case a.End.IsZero():
		return 1
	case b.End.IsZero():
		return -1
	}
	return a.End.Compare(b.End)
}

// warnAt returns when the warning about an end begins: notice before it or, if that is later,
// when less than a tenth of the validity is left. A kubelet and most issuers renew earlier than
// that. If end is zero it returns zero; if begin is zero, only the notice counts.
func warnAt(notice time.Duration, begin, end time.Time) time.Time {
	if end.IsZero() {
		return time.Time{}
	}
	if !begin.IsZero() {
		notice = min(notice, end.Sub(begin)/10)
	}
	return end.Add(-notice)
}

func noticeOf(t evidence.Target, i Item) time.Duration {
	configured := t.ExpiryWarning.Certificates
	switch i {
	case ReviewerTokenItem, CanaryTokenItem, ExporterTokenItem:
		configured = t.ExpiryWarning.Tokens
	}
	return cmp.Or(configured, evidence.DefaultExpiryWarning)
}

func tokenExpiries(t evidence.Target, e evidence.Evidence) []Expiry {
	var all []Expiry
	add := func(token evidence.Fact[evidence.Claims], x Expiry) {
		c := token.Value
		if !token.Ok() || c.Opaque {
			return
		}
		x.Which, x.Begin, x.End = nameOf("", c), c.Issued(), c.Expires
		if !c.WarnAfter.IsZero() {
			x.Source += fmt.Sprintf("; a pod's token, to be replaced before %s (warnafter)", date(c.WarnAfter))
		}
		all = append(all, x)
	}
	if source := t.Reviewer.Source.Spec(); source.External {
		add(e.ReviewerToken, Expiry{
			What: ReviewerTokenItem, Effect: LoginsEnd, Component: ComponentReviewer, Until: endsWith(t, e),
			Then: "Vault can no longer have tokens reviewed, and every login fails", Source: "the token " + source.Describe(t.Reviewer),
		})
	}
	if source := t.Canary.Source.Spec(); source.External {
		add(e.CanaryToken, Expiry{
			What: CanaryTokenItem, Effect: ChecksEnd, Component: ComponentCanary, Until: deletionOf(e.CanaryToken.Value),
			Then: "the canary can no longer log in, and whether pods can is not known", Source: "the token " + source.Describe(t.Canary),
		})
	}
	if file := t.Kubernetes.TokenFile; file != "" {
		add(e.OwnToken, Expiry{
			What: ExporterTokenItem, Effect: ChecksEnd, Component: ComponentExporter, Until: deletionOf(e.OwnToken.Value),
			Then: "the exporter can no longer query the API server as itself", Source: "the token in " + file,
		})
	}
	return all
}

// endsWith says what ends the reviewer's token besides its expiry.
func endsWith(t evidence.Target, e evidence.Evidence) string {
	c, ends := e.ReviewerToken.Value, []string{}
	if deletion := deletionOf(c); deletion != "" {
		ends = append(ends, deletion)
	}
	if used := e.ReviewerSecret.LastUsed; !used.IsZero() && c.Issuer == evidence.LegacyIssuer {
		ends = append(ends, "the cluster marks its Secret as unused, which was last used on "+used.Format(time.DateOnly))
	}
	if older, _ := signedByOlderKey(t, e); older {
		ends = append(ends, fmt.Sprintf("the API server no longer has the key %s", evidence.ShortKeyID(c.KeyID)))
	}
	return strings.Join(ends, ", or ")
}

func deletionOf(c evidence.Claims) string {
	bound := boundTo(c)
	if bound == "" {
		return ""
	}
	return bound + " is deleted"
}

func vaultExpiries(t evidence.Target, e evidence.Evidence) []Expiry {
	all := chainExpiries(e.VaultChain, t.Vault.CACert,
		Expiry{
			What: VaultCertificateItem, Effect: LoginsEnd, Component: ComponentVault, Source: t.Vault.Addr,
			Then: "clients no longer trust Vault, and every login fails",
		},
		Expiry{
			What: VaultCAItem, Effect: ChecksEnd, Component: ComponentExporter,
			Then: "the exporter no longer trusts Vault, nor does any client that has this CA alone",
		})
	if c := e.ClientCertificate; !c.NotAfter.IsZero() {
		all = append(all, certificateExpiry(c, Expiry{
			What: ClientCertificateItem, Effect: ChecksEnd, Component: ComponentExporter, Source: t.Vault.ClientCert,
			Then: "Vault refuses the exporter, and whether pods can log in is not known",
		}))
	}
	return all
}

func kubernetesExpiries(t evidence.Target, e evidence.Evidence) []Expiry {
	return chainExpiries(e.KubernetesChain, t.Kubernetes.CACert,
		Expiry{
			What: KubernetesCertificateItem, Effect: LoginsEnd, Component: ComponentKubernetes, Source: t.Kubernetes.Host,
			Then: "Vault no longer trusts the API server, and every login fails",
		},
		Expiry{
			What: KubernetesCAItem, Effect: ChecksEnd, Component: ComponentExporter,
			Then: "the exporter no longer trusts the API server, nor does any client that has this CA alone",
		})
}

// chainExpiries returns those of what a server sent, and of the CA bundle in a file.
func chainExpiries(chain evidence.Chain, file string, served, authority Expiry) []Expiry {
	authority.Source = cmp.Or(file, "the system's roots")
	var all []Expiry
	for _, c := range chain.Served {
		x := certificateExpiry(c, served)
		if !c.Needed {
			x = harmless(x)
		}
		all = append(all, x)
	}
	if c := chain.Verifying; !c.NotAfter.IsZero() {
		all = append(all, certificateExpiry(c, authority))
	}
	if chain.Verified() {
		for _, c := range chain.Others {
			all = append(all, harmless(certificateExpiry(c, authority)))
		}
	}
	return all
}

func mountCAExpiries(t evidence.Target, e evidence.Evidence) []Expiry {
	of := Expiry{
		What: MountCAItem, Effect: LoginsEnd, Component: ComponentMount, Source: "the config of " + mountPath(t),
		Then: "Vault no longer trusts the API server, and every login fails",
	}
	var all []Expiry
	if c := e.MountAuthorities.Verifying; !c.NotAfter.IsZero() {
		all = append(all, certificateExpiry(c, of))
	}
	for _, c := range e.MountAuthorities.Others {
		x := certificateExpiry(c, of)
		switch {
		case e.MountCA.Value.Verified:
			x = harmless(x)
		case e.MountCA.Ok():
			x.Effect, x.Then = EffectUnknown, "not known: it does not verify the API server that the exporter connects to"
		default:
			x.Effect, x.Then = EffectUnknown, "not known: the exporter does not connect to the host in the config"
		}
		all = append(all, x)
	}
	return all
}

func certificateExpiry(c evidence.Certificate, of Expiry) Expiry {
	of.Which, of.Begin, of.End = c.Subject, c.NotBefore, c.NotAfter
	return of
}

func harmless(x Expiry) Expiry {
	x.Effect, x.Then = NothingEnds, "nothing: no certificate that is served now needs it"
	return x
}

package gather

import (
	"crypto/x509"
	"slices"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

const (
	// maxServed limits how many certificates of a server are reported.
	maxServed = 10
	// maxOthers limits how many certificates of a CA bundle are reported that verify nothing.
	// The bundles of systems have about 140.
	maxOthers = 3
)

func byExpiry(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) }

// longestValid returns the chain that stays valid the longest. Cross-signed certificates make
// several chains, and a client accepts any that is valid. chains is not empty.
func longestValid(chains [][]*x509.Certificate) []*x509.Certificate {
	return slices.MaxFunc(chains, func(a, b []*x509.Certificate) int {
		return byExpiry(slices.MinFunc(a, byExpiry), slices.MinFunc(b, byExpiry))
	})
}

// earliestToExpire describes the certificate that expires first.
func earliestToExpire(certificates []*x509.Certificate, verified bool) evidence.Certificate {
	if len(certificates) == 0 {
		return evidence.Certificate{}
	}
	first := describe(slices.MinFunc(certificates, byExpiry))
	first.Verified = verified
	return first
}

func describe(c *x509.Certificate) evidence.Certificate {
	return evidence.Certificate{NotBefore: c.NotBefore, NotAfter: c.NotAfter, Subject: evidence.Clean(c.Subject.String())}
}

func describeAll(certificates []*x509.Certificate) []evidence.Certificate {
	all := make([]evidence.Certificate, 0, len(certificates))
	for _, c := range certificates {
		all = append(all, describe(c))
	}
	return all
}

// observed returns the certificates of the server's connections: the one that expires first,
// and all.
func (e *endpoint) observed() (evidence.Certificate, evidence.Chain) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.served) == 0 {
		return evidence.Certificate{}, evidence.Chain{}
	}
	verified := e.chain != nil
	var chain evidence.Chain
	for i, c := range e.served[:min(len(e.served), maxServed)] {
		if i > 0 && verified && c.Equal(e.chain[len(e.chain)-1]) {
			continue // the CA, which is among the authorities
		}
		one := describe(c)
		one.Verified, one.Needed = verified, !verified || slices.ContainsFunc(e.chain, c.Equal)
		chain.Served = append(chain.Served, one)
	}
	if !verified {
		return earliestToExpire(e.served, false), chain
	}
	chain.Authorities = authoritiesOf(e.chain, e.bundle)
	return earliestToExpire(e.chain, true), chain
}

// authoritiesOf divides a CA bundle into the certificate at the end of a verified chain and the
// others. Without a chain, all are others.
func authoritiesOf(chain []*x509.Certificate, bundle []evidence.Certificate) evidence.Authorities {
	var a evidence.Authorities
	a.Others = slices.Clone(bundle)
	if len(chain) > 0 {
		last := describe(chain[len(chain)-1])
		a.Others = slices.DeleteFunc(a.Others, func(c evidence.Certificate) bool { return c == last })
		if len(chain) > 1 { // else the server's own certificate is in the bundle
			a.Verifying = last
			a.Verifying.Verified, a.Verifying.Needed = true, true
		}
	}
	slices.SortFunc(a.Others, func(x, y evidence.Certificate) int { return x.NotAfter.Compare(y.NotAfter) })
	a.Others = slices.Clone(a.Others[:min(len(a.Others), maxOthers)]) // without the memory of the rest
	return a
}

package gather

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func certificateUntil(name string, days int) *x509.Certificate {
	return &x509.Certificate{Raw: []byte(name), Subject: pkix.Name{CommonName: name}, NotAfter: time.Unix(0, 0).UTC().AddDate(0, 0, days)}
}

// A server sends an intermediate that is cross-signed by an old root. The old root expires
// harmlessly.
func TestChainThatStaysValidTheLongestCounts(t *testing.T) {
	leaf, intermediate, cross := certificateUntil("leaf", 90), certificateUntil("intermediate", 1000), certificateUntil("cross", 3)
	oldRoot, root := certificateUntil("old root", 5), certificateUntil("root", 5000)
	e := &endpoint{bundle: describeAll([]*x509.Certificate{root, oldRoot})}
	e.saw([]*x509.Certificate{leaf, intermediate, cross}, longestValid([][]*x509.Certificate{
		{leaf, intermediate, cross, oldRoot},
		{leaf, intermediate, root},
	}))
	earliest, chain := e.observed()
	if earliest.Subject != "CN=leaf" || !earliest.Verified {
		t.Errorf("the first to expire is %+v", earliest)
	}
	one := func(c *x509.Certificate, verified, needed bool) evidence.Certificate {
		return evidence.Certificate{Subject: "CN=" + c.Subject.CommonName, NotAfter: c.NotAfter, Verified: verified, Needed: needed}
	}
	want := evidence.Chain{
		Served: []evidence.Certificate{one(leaf, true, true), one(intermediate, true, true), one(cross, true, false)},
		Authorities: evidence.Authorities{
			Verifying: one(root, true, true),
			Others:    []evidence.Certificate{one(oldRoot, false, false)},
		},
	}
	if diff := cmp.Diff(want, chain); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A root that the server sends too is listed once, and a server's own certificate in the bundle is
// no CA.
func TestRootsThatAreServed(t *testing.T) {
	leaf, root := certificateUntil("leaf", 90), certificateUntil("root", 5000)
	e := &endpoint{bundle: describeAll([]*x509.Certificate{root})}
	e.saw([]*x509.Certificate{leaf, root}, []*x509.Certificate{leaf, root})
	if _, chain := e.observed(); len(chain.Served) != 1 || chain.Verifying.Subject != "CN=root" || len(chain.Others) != 0 {
		t.Errorf("with a served root: %+v", chain)
	}
	e.bundle = describeAll([]*x509.Certificate{leaf})
	e.saw([]*x509.Certificate{leaf}, []*x509.Certificate{leaf})
	if _, chain := e.observed(); len(chain.Served) != 1 || !chain.Verifying.NotAfter.IsZero() || len(chain.Others) != 0 {
		t.Errorf("with the leaf in the bundle: %+v", chain)
	}
}

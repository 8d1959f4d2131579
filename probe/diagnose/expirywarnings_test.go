package diagnose

import (
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func TestSigningKeyIsComparedOnlyWhereItSaysSomething(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	token := func(key, issuer string, issued time.Time) evidence.Fact[evidence.Claims] {
		return evidence.Fact[evidence.Claims]{State: evidence.Answered, Value: evidence.Claims{
			KeyID: key, Issuer: issuer, IssuedAt: issued, Namespace: "n", ServiceAccount: "s", UID: "u",
		}}
	}
	accepted := evidence.Fact[evidence.Review]{State: evidence.Answered, Value: evidence.Review{
		Authenticated: true, Username: "system:serviceaccount:n:s", UID: "u",
	}}
	old, recent := now.Add(-time.Hour), now.Add(-time.Minute)
	for name, test := range map[string]struct {
		reviewer, canary evidence.Fact[evidence.Claims]
		review           evidence.Fact[evidence.Review]
		older, judged    bool
	}{
		"another key since":          {token("a", "i", old), token("b", "i", recent), accepted, true, true},
		"the same key":               {token("a", "i", old), token("a", "i", recent), accepted, false, true},
		"the canary is the older":    {token("a", "i", recent), token("b", "i", old), accepted, false, true},
		"a Secret's, of another key": {token("a", evidence.LegacyIssuer, time.Time{}), token("b", "i", recent), accepted, false, false},
		"no key in the header":       {token("", "i", old), token("b", "i", recent), accepted, false, false},
		"no longer accepted":         {token("a", "i", old), token("b", "i", recent), evidence.Fact[evidence.Review]{State: evidence.Failed}, false, false},
	} {
		target := evidence.Target{Reviewer: evidence.Origin{Source: evidence.SourceFile}}
		e := evidence.Evidence{At: now, ReviewerToken: test.reviewer, CanaryToken: test.canary, Review: test.review}
		if older, judged := signedByOlderKey(target, e); older != test.older || judged != test.judged {
			t.Errorf("%s: %t, judged %t, want %t, judged %t", name, older, judged, test.older, test.judged)
		}
	}
}

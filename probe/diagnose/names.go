package diagnose

import (
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// reviewerName returns the reviewer's username, from the API server or else from the token.
func reviewerName(e evidence.Evidence) string {
	return nameOf(e.Identity.Value.Username, e.ReviewerToken.Value)
}

func canaryName(e evidence.Evidence) string {
	return nameOf("", e.CanaryToken.Value)
}

func nameOf(username string, c evidence.Claims) string {
	switch {
	case username != "":
		return username
	case c.Subject != "":
		return c.Subject
	}
	return "(unnamed)"
}

// claimsOf returns the claims of a token or, if it was not obtained, the service account that
// its source names.
func claimsOf(token evidence.Fact[evidence.Claims], o evidence.Origin) evidence.Claims {
	if token.Ok() {
		return token.Value
	}
	return evidence.Claims{Namespace: o.ServiceAccount.Namespace, ServiceAccount: o.ServiceAccount.Name}
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// outOfTime returns the reason if a token's own times make it invalid, else empty.
func outOfTime(c evidence.Claims, now time.Time) Reason {
	switch {
	case c.Expired(now):
		return ReviewerExpired
	case c.NotYetValid(now):
		return ReviewerNotYetValid
	}
	return ""
}

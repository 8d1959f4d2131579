package diagnose

import (
	"fmt"
	"regexp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The rules on the canary: it has no token, or the API server does not accept it.

// canaryNotObtained holds if there is no canary token to log in with.
func canaryNotObtained(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	f := e.CanaryToken.Failure
	if !e.CanaryToken.Failed() {
		return Verdict{}, false
	}
	reason := tokenReason(f, CanaryTokenMissing, CanaryTokenMalformed, CanaryRevoked)
	if reason == "" {
		reason = ExporterForbidden
	}
	conclude := concludedFrom(reason.Component() != ComponentKubernetes) // what fails for the exporter may work for Vault and pods
	return conclude(reason, "there is no canary token to log in with: "+f.Error(), "the login was not attempted")
}

// objectGone is how the API server refuses to mint a token of a service account that does
// not exist. Other texts with 404 are those of another server, or about another path.
var objectGone = regexp.MustCompile(`^(?:serviceaccounts|namespaces) "[^"]*" not found$`)

// tokenReason returns why a token was not obtained: its file is missing or malformed, its
// service account is gone, or the API server failed to mint it. It is empty if only the
// exporter's own permission is missing.
func tokenReason(f evidence.Failure, missing, malformed, gone Reason) Reason {
	switch {
	case f.Class == evidence.ClassMissing:
		return missing
	case f.Class == evidence.ClassMalformed:
		return malformed
	case f.Class == evidence.ClassRefused && f.Status == 404 && objectGone.MatchString(f.Text):
		return gone
	}
	return kubernetesReason(f)
}

// canaryAtFault holds if the API server does not authenticate the canary's token as the
// canary.
func canaryAtFault(_ evidence.Target, e evidence.Evidence) (Verdict, bool) {
	if !e.BareRefusal() {
		return Verdict{}, false
	}
	return canaryNotReviewed(e)
}

// canaryNotReviewed holds if the TokenReview is not one with which Vault would log the canary in.
func canaryNotReviewed(e evidence.Evidence) (Verdict, bool) {
	r := e.Review.Value
	if !e.Review.Ok() || r.Placeholder {
		return Verdict{}, false
	}
	if !r.Authenticated {
		reason, certain := reviewReason(r.Error, e.CanaryToken.Value, e.At)
		return concludedFrom(certain)(reason, fmt.Sprintf("the API server does not accept the canary %s: %s", canaryName(e), r.Error),
			"the TokenReview was created and says: "+r.Error)
	}
	if !evidence.IsCanary(r, e.CanaryToken.Value) {
		return proven(CanaryRejected, fmt.Sprintf("the API server authenticates the canary %s as %s, which Vault rejects", canaryName(e), r.Username),
			"the TokenReview names "+r.Username)
	}
	if wanted := e.CanaryToken.Value.Audiences; len(wanted) > 0 && !overlap(wanted, r.Audiences) {
		return proven(KubernetesUnavailable, "the API server's authenticator does not support audiences, which Vault asks for",
			"the TokenReview was authenticated, but for no audience of the token")
	}
	return Verdict{}, false
}

package diagnose

import (
	"fmt"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The rules on what Vault itself says of its calls to Kubernetes, and of the canary's entity.

// diagnosticRole holds if Vault itself reported the outcome of its calls to Kubernetes,
// and the exporter's calls work.
func diagnosticRole(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	answer := e.FollowUps.DiagnosticRole
	reason, known := diagnosticReason(answer.Value.Text)
	works := e.ReviewerWorks(t) || reason == None && reviewsAsAnother(t, e, ReviewerForbidden)
	waits := e.LoginHangs() && reason == VaultToKubernetesTimeout
	if !e.BareRefusal() && !waits || !works || !answer.Ok() {
		return Verdict{}, false
	}
	conclude := concludedFrom(!answer.Carried)
	fact := "the diagnostic role responded: " + answer.Value.Text
	switch {
	case !known, t.Reviewer.Source.Spec().SelfReview && evidence.Contains(answer.Value.Text, textNoReviewer):
		return Verdict{}, false // a mount without a reviewer answers so, whatever is wrong
	case reason == None:
		return diagnosticReviewer(t, e, evidence.NamedUser(answer.Value.Text), fact)
	case reason == ReviewerDrift:
		if mountedElsewhere(t, e) {
			conclude = byElimination // the exporter's token may not work there either
		}
		if evidence.Contains(answer.Value.Text, textNoReviewer) {
			return conclude(ReviewerDrift, fmt.Sprintf("Vault has no reviewer token for %s: each client has to review itself", mountPath(t)), fact)
		}
		return conclude(ReviewerDrift, fmt.Sprintf("the reviewer token that Vault has stored for %s does not work, although %s", mountPath(t), oursWorks(t, e)), fact)
	}
	return failedCall(t, e, reason)
}

// callFails holds if Vault itself reported that its call to Kubernetes failed before an API server
// had responded: no reviewer token has mattered yet.
func callFails(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	answer := e.FollowUps.DiagnosticRole
	reason, known := diagnosticReason(answer.Value.Text)
	if !answer.Ok() || !known || reason.Component() != ComponentVaultToKubernetes || evidence.Contains(answer.Value.Text, answered) {
		return Verdict{}, false
	}
	return failedCall(t, e, reason)
}

// failedCall is the verdict on a call that failed for this reason, as the diagnostic role reported.
func failedCall(t evidence.Target, e evidence.Evidence, reason Reason) (Verdict, bool) {
	answer := e.FollowUps.DiagnosticRole
	conclude := concludedFrom(!answer.Carried)
	fact := "the diagnostic role responded: " + answer.Value.Text
	if reason == VaultToKubernetesMisconfigured && e.Mount.Config.Ok() && t.Kubernetes.IsServedAt(e.Mount.Config.Value.Host) {
		reason = VaultToKubernetesFailed // the host is right: something between the two answers
	}
	switch {
	case reason == VaultToKubernetesFailed && !evidence.Contains(answer.Value.Text, answered+"5"):
		conclude = byElimination // an unknown error
	case reason == VaultToKubernetesProxy:
		return conclude(reason, fmt.Sprintf("a proxy stands between Vault and its API server, and does not let Vault through: %s", afterErr(answer.Value.Text)), fact)
	}
	return conclude(reason, fmt.Sprintf("Vault cannot have tokens reviewed: %s", afterErr(answer.Value.Text)), fact)
}

// oursWorks says how the exporter knows that its reviewer works.
func oursWorks(t evidence.Target, e evidence.Evidence) string {
	if t.Reviewer.Source.Spec().AccessReview {
		return reviewerName(e) + " may create TokenReviews"
	}
	return "the exporter's copy does"
}

// mountedElsewhere reports whether the mount uses another host than the exporter, as far as
// its config may be read. The two may still be one API server.
func mountedElsewhere(t evidence.Target, e evidence.Evidence) bool {
	return e.Mount.Config.Ok() && !t.Kubernetes.IsServedAt(e.Mount.Config.Value.Host)
}

// diagnosticReviewer judges by the permissions of the identity that Vault uses.
func diagnosticReviewer(t evidence.Target, e evidence.Evidence, identity, fact string) (Verdict, bool) {
	access := e.FollowUps.DiagnosticAccess
	elsewhere := mountedElsewhere(t, e)
	_, isAccount := evidence.AccountOf(identity)
	switch {
	case !access.Ok(), elsewhere: // the target's API server does not know the identities of another one
		return Verdict{}, false
	case !access.Value.Allowed && !isAccount: // the groups of another user are not known, and may permit it
		return Verdict{}, false
	case !access.Value.Allowed:
		return concludedFrom(!access.Carried)(ReviewerDrift, fmt.Sprintf("Vault reviews as %s, which may not create TokenReviews", identity), fact,
			"a SubjectAccessReview says that it may not")
	case e.FollowUps.Entity.Value.Disabled:
		return entityDisabled(t, e)
	case e.RoleProbePassed() && e.CanaryReviewed() && !e.FollowUps.Entity.Ok():
		return byElimination(CanaryEntityDisabled,
			fmt.Sprintf("Vault can have tokens reviewed, but still rejects the canary: the identity entity of %s is disabled", canaryName(e)), fact,
			"Vault's reviewer "+identity+" may create TokenReviews", "a login with a forged, expired token was rejected only for its expiry")
	case e.RoleProbePassed() && !e.Review.Ok():
		return byElimination(CanaryRejected,
			fmt.Sprintf("Vault can have tokens reviewed, but still rejects the canary: the API server does not accept the token of %s, "+
				"because its service account or Secret is gone or another cluster issued it; or the identity entity of the canary is disabled", canaryName(e)), fact,
			"Vault's reviewer "+identity+" may create TokenReviews", "a login with a forged, expired token was rejected only for its expiry")
	}
	return Verdict{}, false
}

// entityDisabled holds if the canary's identity entity was read and is disabled: Vault then
// rejects the canary whatever the API server says.
func entityDisabled(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	n := e.FollowUps.Entity
	if !e.BareRefusal() || !n.Ok() || !n.Value.Disabled {
		return Verdict{}, false
	}
	return concludedFrom(!n.Carried)(CanaryEntityDisabled, fmt.Sprintf("Vault rejects the canary, whose identity entity is disabled: %s", canaryName(e)),
		"the login got a bare 403", "Vault says that the entity is disabled")
}

// diagnosticReason returns what the 403 of a role with a namespace selector says about
// Vault's call to Kubernetes: its text includes the error of the API server or of Vault's
// transport. It is None if Vault reached the API server and was authenticated; known is
// false if the text says nothing about the call.
func diagnosticReason(text string) (reason Reason, known bool) {
	if !evidence.Contains(text, evidence.TextNamespace) {
		return "", false
	}
	if !evidence.Contains(text, "err=") {
		return None, true
	}
	return callReason(text), true
}

// tellsOfCall reports whether the text is about a call that Vault made: without a reviewer
// token it makes none.
func tellsOfCall(text string) bool {
	_, known := diagnosticReason(text)
	return known && !evidence.Contains(text, textNoReviewer)
}

// callReason is what Vault's text says of its call to Kubernetes.
func callReason(text string) Reason {
	texts := diagnosticTexts
	switch {
	case evidence.Contains(text, answered):
		texts = answeredTexts
	case proxyRefused(text):
		return VaultToKubernetesProxy
	}
	text = requestURL.ReplaceAllString(text, `"`)
	for _, s := range texts {
		if evidence.Contains(text, s.text) {
			return s.reason
		}
	}
	return VaultToKubernetesFailed
}

func afterErr(text string) string {
	_, cause, _ := strings.Cut(text, "err=")
	return cause
}

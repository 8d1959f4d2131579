package diagnose

import (
	"fmt"
	"slices"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The rules on the configured reviewer.

// judgeReviewer returns whether the configured reviewer can create TokenReviews,
// independent of the login. A 401 is about the reviewer, never about the reviewed
// token.
func judgeReviewer(t evidence.Target, e evidence.Evidence) Verdict {
	v, known := firstReviewerVerdict(t, e)
	if !known {
		return Verdict{}
	}
	return v
}

func firstReviewerVerdict(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	f := e.Review.Failure
	switch {
	case t.Reviewer.Source.Spec().AccessReview:
		return reviewerAccess(t, e)
	case e.ReviewerToken.Failed():
		return reviewerNotObtained(t, e)
	case e.Review.Ok():
		return proven(None, fmt.Sprintf("%s created a TokenReview", reviewerName(e)), "the API server answered 201")
	case e.Review.RefusedWith(401):
		return reviewerUnauthorized(t, e)
	case e.Review.RefusedWith(403) && !evidence.Contains(f.Text, evidence.TextAdmission):
		return concludedFrom(!seenAsAnother(e))(ReviewerForbidden,
			fmt.Sprintf("the reviewer %s may not create TokenReviews", reviewerName(e)), "the TokenReview failed: "+f.Error())
	case e.Review.Failed():
		return kubernetesFailed(t, f)
	}
	return Verdict{}, false
}

func reviewerNotObtained(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	f := e.ReviewerToken.Failure
	if t.Reviewer.Source.Spec().Home && f.Class != evidence.ClassMissing && f.Class != evidence.ClassMalformed && t.Home.Host != t.Kubernetes.Host {
		return Verdict{}, false // a failure of another API server says nothing about the target's
	}
	reason := tokenReason(f, ReviewerTokenMissing, ReviewerTokenMalformed, ReviewerRevoked)
	if reason == "" {
		return Verdict{}, false
	}
	conclude := concludedFrom(reason.Component() != ComponentKubernetes)
	return conclude(reason, "there is no reviewer token: "+f.Error(), "no TokenReview was attempted")
}

// reviewerAccess judges the reviewer with the source accessreview, which has no token.
func reviewerAccess(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	asked := "a SubjectAccessReview about the reviewer succeeded"
	switch {
	case e.Access.Ok() && e.Access.Value.Allowed:
		return proven(None, fmt.Sprintf("%s may create TokenReviews", reviewerName(e)), asked)
	case e.Access.Ok():
		return proven(ReviewerForbidden, fmt.Sprintf("the reviewer %s may not create TokenReviews", reviewerName(e)), asked)
	}
	return kubernetesFailed(t, e.Access.Failure)
}

// reviewerUnauthorized finds why the API server rejects the reviewer's token, which its
// 401 does not say: from the token's own claims, or from a TokenReview of the token by
// the exporter's own identity.
func reviewerUnauthorized(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	c, who := e.ReviewerToken.Value, reviewerName(e)
	answer := "the TokenReview failed: " + e.Review.Failure.Error()
	conclude := concludedFrom(!e.Health.Ok() || e.Health.Value.Skew.Abs() <= evidence.Leeway) // the exporter's clock may be the wrong one
	switch outOfTime(c, e.At) {
	case ReviewerExpired:
		return conclude(ReviewerExpired, fmt.Sprintf("the token of the reviewer %s expired at %s", who, date(c.Expires)),
			answer, "its exp claim has passed")
	case ReviewerNotYetValid:
		return conclude(ReviewerNotYetValid, fmt.Sprintf("the token of the reviewer %s is not valid before %s", who, date(c.NotBefore)),
			answer, "its nbf claim is in the future")
	}
	if t.Reviewer.Source.Spec().SelfReview {
		return selfReviewUnauthorized(e, answer)
	}
	if since := e.ReviewerSecret.InvalidSince; markedUnused(t, e) && !since.IsZero() {
		return proven(ReviewerRevoked, fmt.Sprintf("the Secret of the token of the reviewer %s is marked as unused for long, and so as invalid since %s", who, since.Format(time.DateOnly)),
			answer, "the Secret has the label "+invalidSince)
	}
	users := isUsers(e.ReviewerToken) // which no cluster issued or signed
	said, reviewed := "", "the exporter's own identity created the TokenReview"
	if r := e.FollowUps.ReviewerReview; r.Ok() && !r.Value.Authenticated && r.Value.Error != "" {
		said = fmt.Sprintf("the API server says of the token of the reviewer %s: %s", who, r.Value.Error)
		found, certain := reviewReason(r.Value.Error, c, e.At)
		if reason, known := reviewerReasonFor[found]; known && (reason != ReviewerWrongCluster || !users) {
			return concludedFrom(certain && !r.Carried)(reason, said, answer, reviewed)
		}
	}
	if issuer := e.CanaryToken.Value.Issuer; issuer != "" && c.Issuer != "" && c.Issuer != issuer && c.Issuer != evidence.LegacyIssuer && !users {
		return byElimination(ReviewerWrongCluster,
			fmt.Sprintf("the token of the reviewer %s was issued by %s, the canary's by %s", who, c.Issuer, issuer),
			answer, "its iss claim differs from the canary's")
	}
	if bound := boundTo(c); bound != "" {
		return byElimination(ReviewerRevoked,
			fmt.Sprintf("the token of the reviewer %s is bound to %s: that is gone, or the token is another cluster's", who, bound),
			answer, "its exp claim has not passed", "it becomes invalid with "+bound)
	}
	if said != "" {
		return proven(ReviewerUnauthorized, said, answer, reviewed)
	}
	return proven(ReviewerUnauthorized, fmt.Sprintf("the API server does not accept the token of the reviewer %s", who), answer)
}

// invalidSince is the label of a Secret whose token nobody used for long.
const invalidSince = "kubernetes.io/legacy-token-invalid-since"

// markedUnused reports whether the API server rejects the reviewer's token because its Secret has
// that label: the Secret says so, if it is one of the API server's cluster, or a review.
func markedUnused(t evidence.Target, e evidence.Evidence) bool {
	c := e.ReviewerToken.Value
	stated := !e.ReviewerSecret.InvalidSince.IsZero() && t.Home.Host == t.Kubernetes.Host
	return c.Issuer == evidence.LegacyIssuer && c.Secret != "" && (stated || evidence.Contains(e.FollowUps.ReviewerReview.Value.Error, "has been marked invalid"))
}

// selfReviewUnauthorized finds why the API server does not accept the canary's token, with
// which the canary is to review itself.
func selfReviewUnauthorized(e evidence.Evidence, answer string) (Verdict, bool) {
	c, who := e.CanaryToken.Value, canaryName(e)
	because := []string{answer, "its exp claim has not passed"}
	if r := e.FollowUps.ReviewerReview; r.Ok() && !r.Value.Authenticated {
		if found, certain := reviewReason(r.Value.Error, c, e.At); found.Component() == ComponentCanary {
			return concludedFrom(certain && !r.Carried)(found, fmt.Sprintf("Vault has no reviewer, and the API server says of the token of the canary %s: %s", who, r.Value.Error),
				answer, "the exporter's own identity had the token reviewed")
		}
	}
	if !isForServer(c) {
		return byElimination(CanaryWrongAudience,
			fmt.Sprintf("Vault has no reviewer, and the API server does not accept the canary %s either: its token lacks the API server's audience", who), because...)
	}
	if bound := boundTo(c); bound != "" {
		return byElimination(CanaryRevoked,
			fmt.Sprintf("Vault has no reviewer, and the API server does not accept the canary %s either: its token is bound to %s, which is gone, or is another cluster's", who, bound), because...)
	}
	return byElimination(CanaryRejected,
		fmt.Sprintf("Vault has no reviewer, and the API server does not accept the canary %s either: its service account is gone, or its token is another cluster's", who), because...)
}

// isForServer reports whether a token has an audience of its API server: the issuer, as by default,
// or, as on EKS, the API server's name in the cluster. A legacy token has every audience.
func isForServer(c evidence.Claims) bool {
	return c.Issuer == evidence.LegacyIssuer ||
		slices.ContainsFunc(c.Audiences, func(a string) bool { return a == c.Issuer || evidence.IsServiceName(evidence.Hostname(a)) })
}

// reviewerAtFault holds if the login got a bare 403 and the configured reviewer cannot
// create TokenReviews, unless Vault's call fails before a reviewer matters. If there is no
// reviewer token, if it is not certain that the mount exists, if its CA does not verify the
// API server, or if the canary's entity is disabled, which explains the login too, that is by
// elimination.
func reviewerAtFault(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	v, known := firstReviewerVerdict(t, e)
	isReviewers := v.Component() == ComponentReviewer || t.Reviewer.Source.Spec().SelfReview && v.Component() == ComponentCanary
	if !e.BareRefusal() || !known || !isReviewers || reviewsAsAnother(t, e, v.Reason) {
		return Verdict{}, false
	}
	v.Because = append([]string{"the login got a bare 403"}, v.Because...)
	if call, fails := callFails(t, e); fails {
		call.Detail, call.Because = call.Detail+". Besides, "+v.Detail, append(v.Because, call.Because...)
		return call, true
	}
	if e.MountExists() {
		v.Because = append(v.Because, "the auth mount exists")
	}
	if !e.MountExists() || e.FollowUps.MountProbe.Carried || e.ReviewerToken.Failed() || !e.RoleAdmits() || e.FollowUps.Entity.Value.Disabled || e.MountCA.Ok() && !e.MountCA.Value.Verified {
		v.Certainty = ByElimination
	}
	return v, true
}

// storedReviewer holds if Vault itself, through the diagnostic role, reports that the API
// server rejects its reviewer token, and the exporter has no answer about a copy of its own.
func storedReviewer(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	source, answer := t.Reviewer.Source.Spec(), e.FollowUps.DiagnosticRole
	f := e.Review.Failure
	if e.ReviewerToken.Failed() {
		f = e.ReviewerToken.Failure
	}
	unheard := e.ReviewerToken.Failed() || kubernetesReason(f) != ""
	rejected := answer.Ok() && evidence.Contains(answer.Value.Text, textUnauthorized)
	if !e.BareRefusal() || source.SelfReview || source.AccessReview || !unheard || !rejected || mountedElsewhere(t, e) {
		return Verdict{}, false
	}
	conclude, fact := concludedFrom(!answer.Carried), "the diagnostic role responded: "+answer.Value.Text
	if v, known := reviewerNotObtained(t, e); e.ReviewerToken.Failed() && known && (v.Reason == ReviewerTokenMalformed || v.Reason == ReviewerRevoked) {
		return conclude(v.Reason, v.Detail+"; and the API server does not accept the token that Vault has stored", append(v.Because, fact)...)
	}
	return conclude(ReviewerUnauthorized,
		fmt.Sprintf("the API server does not accept the reviewer token that Vault has stored for %s; the exporter has no copy that would say why: %s", mountPath(t), f.Error()), fact)
}

// ignoresPodToken reports whether the config keeps Vault from using the token of its own pod,
// which EXPORTER_REVIEWER=accessreview assumes, and which field does.
func ignoresPodToken(t evidence.Target, e evidence.Evidence) (field string, ok bool) {
	c := e.Mount.Config
	switch {
	case !t.Reviewer.Source.Spec().AccessReview || !c.Ok():
	case c.Value.ReviewerSetKnown && c.Value.ReviewerSet:
		return "token_reviewer_jwt_set=true", true
	case c.Value.DisableLocalCAJWT:
		return "disable_local_ca_jwt=true", true
	}
	return "", false
}

// reviewsAsAnother reports whether Vault itself, through the diagnostic role or its config,
// shows that it uses another reviewer than the one that this reason is about.
func reviewsAsAnother(t evidence.Target, e evidence.Evidence, reason Reason) bool {
	if _, ignored := ignoresPodToken(t, e); ignored {
		return true
	}
	answer := e.FollowUps.DiagnosticRole
	found, known := diagnosticReason(answer.Value.Text)
	if !answer.Ok() || answer.Carried || !known || found != None {
		return false
	}
	user, expected := evidence.NamedUser(answer.Value.Text), reviewerUser(e)
	return reason != ReviewerForbidden || user != "" && expected != "" && user != expected
}

// seenAsAnother reports whether the API server takes the bearer of a service account's token
// for somebody else: a proxy in between presents an identity of its own.
func seenAsAnother(e evidence.Evidence) bool {
	c := e.ReviewerToken.Value
	return c.ServiceAccount != "" && reviewerUser(e) != c.Subject
}

func boundTo(c evidence.Claims) string {
	switch {
	case c.Pod != "":
		return "the pod " + c.Namespace + "/" + c.Pod
	case c.Secret != "":
		return "the Secret " + c.Namespace + "/" + c.Secret
	}
	return ""
}

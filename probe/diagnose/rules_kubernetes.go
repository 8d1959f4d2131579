package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The rules on Kubernetes' part of the login. All but the first apply to logins that got
// a bare 403, or that timed out although Vault itself responds.

// slowRefusal is just below Vault's shortest timeout for an API server that does not
// respond: 10 s for a TLS handshake, 30 s for a connection.
const slowRefusal = 9500 * time.Millisecond

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
	case e.Review.RefusedWith(403):
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
	if r := e.FollowUps.ReviewerReview; r.Ok() && !r.Value.Authenticated {
		found, certain := reviewReason(r.Value.Error, c, e.At)
		if reason, known := reviewerReasonFor[found]; known {
			return concludedFrom(certain && !r.Carried)(reason, fmt.Sprintf("the API server says of the token of the reviewer %s: %s", who, r.Value.Error),
				answer, "the exporter's own identity created the TokenReview")
		}
	}
	if issuer := e.CanaryToken.Value.Issuer; issuer != "" && c.Issuer != "" && c.Issuer != issuer && c.Issuer != evidence.LegacyIssuer {
		return byElimination(ReviewerWrongCluster,
			fmt.Sprintf("the token of the reviewer %s was issued by %s, the canary's by %s", who, c.Issuer, issuer),
			answer, "its iss claim differs from the canary's")
	}
	if bound := boundTo(c); bound != "" {
		return byElimination(ReviewerRevoked,
			fmt.Sprintf("the token of the reviewer %s is bound to %s: that is gone, or the token is another cluster's", who, bound),
			answer, "its exp claim has not passed", "it becomes invalid with "+bound)
	}
	return proven(ReviewerUnauthorized, fmt.Sprintf("the API server does not accept the token of the reviewer %s", who), answer)
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
	if !slices.Contains(c.Audiences, c.Issuer) && c.Issuer != evidence.LegacyIssuer {
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

// reviewerAtFault holds if the login got a bare 403 and the configured reviewer cannot
// create TokenReviews. If there is no reviewer token, or if it is not certain that the
// mount exists, that is by elimination.
func reviewerAtFault(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	v, known := firstReviewerVerdict(t, e)
	isReviewers := v.Component() == ComponentReviewer || t.Reviewer.Source.Spec().SelfReview && v.Component() == ComponentCanary
	if !e.BareRefusal() || !known || !isReviewers || reviewsAsAnother(t, e, v.Reason) {
		return Verdict{}, false
	}
	v.Because = append([]string{"the login got a bare 403"}, v.Because...)
	if e.MountExists() {
		v.Because = append(v.Because, "the auth mount exists")
	}
	if !e.MountExists() || e.FollowUps.MountProbe.Carried || e.ReviewerToken.Failed() || !e.RoleAdmits() {
		v.Certainty = ByElimination
	}
	return v, true
}

// storesReviewer reports whether the config has a reviewer token although Vault is to use
// the token of its own pod.
func storesReviewer(t evidence.Target, e evidence.Evidence) bool {
	c := e.Mount.Config
	return t.Reviewer.Source.Spec().AccessReview && c.Ok() && c.Value.ReviewerSetKnown && c.Value.ReviewerSet
}

// reviewsAsAnother reports whether Vault itself, through the diagnostic role or its config,
// shows that it uses another reviewer than the one that this reason is about.
func reviewsAsAnother(t evidence.Target, e evidence.Evidence, reason Reason) bool {
	if storesReviewer(t, e) {
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

// canaryAtFault holds if the API server does not authenticate the canary's token as the
// canary.
func canaryAtFault(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	r := e.Review.Value
	if !e.BareRefusal() || !e.Review.Ok() || r.Placeholder {
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

// kubernetesAtFault holds if the API server fails for the exporter as it does for Vault.
func kubernetesAtFault(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	f := e.Review.Failure
	if t.Reviewer.Source.Spec().AccessReview {
		f = e.Access.Failure
	}
	if !e.BareRefusal() && !e.LoginHangs() {
		return Verdict{}, false
	}
	v, known := kubernetesFailed(t, f)
	if e.ReviewerToken.Failed() {
		v, known = unreachedForToken(t, e)
	}
	v.Because = append(v.Because, "the login failed as well: "+e.Login.Failure.Error())
	if says := e.FollowUps.DiagnosticRole; known && says.Ok() && !says.Carried && agrees(v.Reason, says.Value.Text) {
		v.Certainty = Proven
		v.Because = append(v.Because, "Vault reports the same: "+afterErr(says.Value.Text))
	}
	return v, known
}

// atVaultsEnd maps a failure of the exporter's request to the same failure of Vault's.
var atVaultsEnd = map[Reason]Reason{
	KubernetesDNS:          VaultToKubernetesUnreachable,
	KubernetesUnreachable:  VaultToKubernetesUnreachable,
	KubernetesTimeout:      VaultToKubernetesTimeout,
	KubernetesTLSUntrusted: VaultToKubernetesTLS,
	KubernetesTLSExpired:   VaultToKubernetesTLS,
	KubernetesTLSName:      VaultToKubernetesTLS,
	KubernetesTLSFailed:    VaultToKubernetesTLS,
	KubernetesBadResponse:  VaultToKubernetesMisconfigured,
}

// agrees reports whether Vault, through the diagnostic role, reports the same failure of
// the API server.
func agrees(ours Reason, text string) bool {
	reason, known := diagnosticReason(text)
	return known && reason != None && reason == atVaultsEnd[ours] && inWords(text) == ours
}

// inWords tells apart failures that are one at Vault's end, by what Go says of them.
func inWords(text string) Reason {
	for _, s := range []textReason{
		{0, "lookup ", KubernetesDNS}, {0, "no such host", KubernetesDNS},
		{0, "unknown authority", KubernetesTLSUntrusted},
		{0, "expired or is not yet valid", KubernetesTLSExpired},
		{0, "certificate is valid for", KubernetesTLSName}, {0, "not valid for any names", KubernetesTLSName}, {0, "IP SANs", KubernetesTLSName},
	} {
		if evidence.Contains(text, s.text) {
			return s.reason
		}
	}
	return inOtherWords[callReason(text)]
}

var inOtherWords = map[Reason]Reason{
	VaultToKubernetesUnreachable:   KubernetesUnreachable,
	VaultToKubernetesTimeout:       KubernetesTimeout,
	VaultToKubernetesTLS:           KubernetesTLSFailed,
	VaultToKubernetesMisconfigured: KubernetesBadResponse,
}

// unreachedForToken holds if the API server failed before the exporter had a reviewer
// token.
func unreachedForToken(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	if !e.ReviewerToken.Failed() {
		return Verdict{}, false
	}
	v, known := reviewerNotObtained(t, e)
	v.Certainty = ByElimination
	return v, known && v.Component() == ComponentKubernetes
}

var kubernetesTransportReasons = map[evidence.Class]Reason{
	evidence.ClassDNS:          KubernetesDNS,
	evidence.ClassUnreachable:  KubernetesUnreachable,
	evidence.ClassTimeout:      KubernetesTimeout,
	evidence.ClassTLSUntrusted: KubernetesTLSUntrusted,
	evidence.ClassTLSExpired:   KubernetesTLSExpired,
	evidence.ClassTLSName:      KubernetesTLSName,
	evidence.ClassTLSFailed:    KubernetesTLSFailed,
	evidence.ClassRedirect:     KubernetesBadResponse,
	evidence.ClassBadResponse:  KubernetesBadResponse,
}

// kubernetesFailed returns what is wrong with the API server if it neither responded
// successfully nor rejected the caller.
func kubernetesFailed(t evidence.Target, f evidence.Failure) (Verdict, bool) {
	reason := kubernetesReason(f)
	if reason == "" {
		return Verdict{}, false
	}
	return byElimination(reason, fmt.Sprintf("the API server at %s does not review tokens: %s", t.Kubernetes.Host, f.Error()),
		"the API server did not answer the exporter: "+f.Error())
}

// kubernetesReason returns what a failure says about the API server; empty if it says
// nothing about it: there is no failure, or the caller was rejected.
func kubernetesReason(f evidence.Failure) Reason {
	switch {
	case f.IsTransport():
		return kubernetesTransportReasons[f.Class]
	case f.Class != evidence.ClassRefused || f.Status == 401 || f.Status == 403:
		return ""
	case f.Status == 429:
		return KubernetesThrottled
	case f.Status >= 500:
		return KubernetesUnavailable
	}
	return KubernetesBadResponse
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

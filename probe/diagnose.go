package probe

import "fmt"

// rule judges the evidence by one thought. It gives a verdict where it holds.
type rule func(Target, Evidence) (Verdict, bool)

// rules stand in the order of cause before symptom: the first that holds gives the
// verdict. Whether pods can log in is the question throughout; a login that
// succeeded answers it whatever else was seen.
var rules = []rule{
	internalError,
	loggedIn,
	vaultTransport,
	vaultState,
	canaryNotObtained,
	loginText,
	mountProbe,
	roleProbe,
	diagnosticRole,
	reviewerAtFault,
	canaryAtFault,
	kubernetesAtFault,
	vaultToKubernetes,
}

// Diagnose judges one run's evidence. It is pure: it asks nobody and looks at no
// clock. It never claims more than was seen.
func Diagnose(t Target, e Evidence) Diagnosis {
	d := Diagnosis{Verdict: firstOf(rules, t, e), Reviewer: judgeReviewer(t, e)}
	d.Verdict.Fix = d.Reason.advice(t, e)
	d.Reviewer.Fix = d.Reviewer.Reason.advice(t, e)
	return d
}

func firstOf(rules []rule, t Target, e Evidence) Verdict {
	for _, holds := range rules {
		if v, ok := holds(t, e); ok {
			return v
		}
	}
	return unexplained(t, e)
}

// proven is a verdict that an answer gives, and nothing else explains.
func proven(reason Reason, detail string, because ...string) (Verdict, bool) {
	return Verdict{Reason: reason, Detail: detail, Because: because, Certainty: Proven}, true
}

// eliminated is a verdict that remains when every cause that could be told apart
// was ruled out.
func byElimination(reason Reason, detail string, because ...string) (Verdict, bool) {
	return Verdict{Reason: reason, Detail: detail, Because: because, Certainty: ByElimination}, true
}

// bareRefusal reports whether the login met the one answer that says nothing: a
// 403 whose text is "permission denied" alone.
func (e Evidence) bareRefusal() bool {
	return e.Login.refusedWith(403) && e.Login.Failure.Text == textBare403
}

// loginSilent reports whether the login alone went unanswered: Vault itself is
// well, so that what it waits for is the API server.
func (e Evidence) loginSilent() bool {
	return e.Login.Failed() && e.Login.Failure.Class == ClassTimeout && e.Health.Ok()
}

// mountIsThere reports whether the mount probe found a Kubernetes auth mount.
func (e Evidence) mountIsThere() bool {
	p := e.FollowUps.MountProbe
	return p.Ok() && p.Value.Status == 400 && contains(p.Value.Text, textInvalidRole)
}

// roleIsFine reports whether the role probe came as far as the token's expiry: the
// role, the config and the role's CIDRs are fine, and no PEM keys are in the way.
func (e Evidence) roleIsFine() bool {
	p := e.FollowUps.RoleProbe
	return p.Ok() && contains(p.Value.Text, textExpired)
}

// reviewIsFine reports whether our own TokenReview found the canary to be what its
// claims say.
func (e Evidence) reviewIsFine() bool {
	r := e.Review.Value
	return e.Review.Ok() && !r.Placeholder && r.Authenticated && isCanary(r, e.CanaryToken.Value)
}

// reviewerIsFine reports whether our reviewer is beyond doubt: it reviewed the canary, or
// the API server says that it may review.
func (e Evidence) reviewerIsFine(t Target) bool {
	if t.Reviewer.Source == SourceAccessReview {
		return e.Access.Ok() && e.Access.Value.Allowed
	}
	return e.reviewIsFine()
}

// reviewerUnexplained reports whether the API server does not take the reviewer's
// token, and nothing that the token says of itself explains it.
func (e Evidence) reviewerUnexplained() bool {
	if !e.Review.refusedWith(401) || outOfTime(e.ReviewerToken.Value, e.At) != "" {
		return false
	}
	issuer := e.ReviewerToken.Value.Issuer
	return issuer == e.OwnToken.Value.Issuer || issuer == legacyIssuer
}

// leaveAlone reports whether either end asked to be spared further requests.
func (e Evidence) leaveAlone() bool {
	return e.Login.refusedWith(429) || e.Review.refusedWith(429) ||
		e.Login.refusedWith(503) && contains(e.Login.Failure.Text, textOverloaded)
}

func internalError(_ Target, e Evidence) (Verdict, bool) {
	if e.Panic == "" {
		return Verdict{}, false
	}
	return proven(ExporterInternalError, "the probe itself went wrong: "+e.Panic, "a panic was caught in the probe")
}

func loggedIn(t Target, e Evidence) (Verdict, bool) {
	if !e.Login.Ok() {
		return Verdict{}, false
	}
	return proven(None, fmt.Sprintf("the canary logged in at %s with the role %s", loginPath(t), t.Vault.Role),
		"the login brought a token")
}

// unexplained is the verdict where no rule holds. It names what was seen and what
// would tell more.
func unexplained(t Target, e Evidence) Verdict {
	detail := fmt.Sprintf("the login at %s failed with %q, which no rule explains", loginPath(t), e.Login.Failure.Error())
	switch {
	case e.bareRefusal() && !e.mountIsThere():
		detail = fmt.Sprintf("the login at %s met a bare 403 and the mount probe brought no answer: the mount may be missing, "+
			"or Vault cannot have the token reviewed", loginPath(t))
	case e.bareRefusal() && !e.roleIsFine():
		detail = fmt.Sprintf("the login at %s met a bare 403 before Vault looked at the token's times: token_bound_cidrs of the role, "+
			"or pem_keys of the mount, which no token at hand may read", loginPath(t))
	}
	v, _ := byElimination(Unexplained, detail, because(e)...)
	return v
}

// because tells each side's answer in a sentence.
func because(e Evidence) []string {
	var facts []string
	for _, s := range (Result{Evidence: e}).Steps() {
		if s.State != StepSkipped {
			facts = append(facts, fmt.Sprintf("%s: %s", s.Name, s.Detail))
		}
	}
	return facts
}

func loginPath(t Target) string { return t.Vault.loginPath() }

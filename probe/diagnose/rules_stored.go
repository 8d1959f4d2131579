package diagnose

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The rules on the configuration in Vault: PEM keys, CIDRs, and the reviewer token, CA
// and host with which it calls Kubernetes.

// roleProbe holds if the rehearsal got a bare 403 too, which means that Vault rejects the
// login before it checks the token's times, and the config shows why.
func roleProbe(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	p, m := e.FollowUps.RoleProbe, e.Mount
	if !e.BareRefusal() || !p.Ok() || p.Value.Text != evidence.TextBare403 || !e.MountExists() || !m.Config.Ok() || e.RoleProbeIsBlind() {
		return Verdict{}, false
	}
	conclude := concludedFrom(m.At.Equal(e.At) && !p.Carried && !e.FollowUps.MountProbe.Carried && e.Health.Ok()) // a Vault of unknown version may be too old
	early := "a login with a forged, expired token got a bare 403 as well"
	switch {
	case len(m.Config.Value.PEMKeys) == 0 && m.Role.Ok() && len(m.Role.Value.CIDRs) == 0:
	case len(m.Config.Value.PEMKeys) == 0:
		return conclude(RoleCIDRMismatch, fmt.Sprintf("the role %s does not admit the exporter's address%s", t.Vault.Role, cidrs(m)),
			early, "the mount's config has no pem_keys")
	case m.KeysRefuseCanary:
		return conclude(MountPEMKeysMismatch, fmt.Sprintf("the pem_keys in the config of %s do not verify the canary's token", mountPath(t)),
			early, "none of the pem_keys verifies the canary's token")
	case len(m.Role.Value.CIDRs) > 0:
		return byElimination(RoleCIDRMismatch, fmt.Sprintf("the role %s does not admit the exporter's address%s", t.Vault.Role, cidrs(m)),
			early, "the pem_keys verify the canary's token", "the role has token_bound_cidrs")
	}
	return Verdict{}, false
}

func cidrs(m evidence.Mount) string {
	if len(m.Role.Value.CIDRs) == 0 {
		return ""
	}
	return ": " + evidence.Clean(strings.Join(m.Role.Value.CIDRs, ", "))
}

// diagnosticRole holds if Vault itself reported the outcome of its calls to Kubernetes,
// and the exporter's calls work.
func diagnosticRole(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	answer := e.FollowUps.DiagnosticRole
	reason, known := diagnosticReason(answer.Value.Text)
	works := e.ReviewerWorks(t) || reason == None && reviewsAsAnother(t, e, ReviewerForbidden)
	if !e.BareRefusal() || !works || !answer.Ok() {
		return Verdict{}, false
	}
	conclude := concludedFrom(!answer.Carried)
	fact := "the diagnostic role responded: " + answer.Value.Text
	switch {
	case !known, t.Reviewer.Source.Spec().SelfReview && evidence.Contains(answer.Value.Text, "needs to be configured"):
		return Verdict{}, false // a mount without a reviewer answers so, whatever is wrong
	case reason == None:
		return diagnosticReviewer(t, e, evidence.NamedUser(answer.Value.Text), fact)
	case reason == ReviewerDrift:
		if e.Mount.Config.Ok() && !t.Kubernetes.IsServedAt(e.Mount.Config.Value.Host) {
			conclude = byElimination // the exporter's token may not work there either
		}
		if evidence.Contains(answer.Value.Text, "needs to be configured") {
			return conclude(ReviewerDrift, fmt.Sprintf("Vault has no reviewer token for %s: each client has to review itself", mountPath(t)), fact)
		}
		return conclude(ReviewerDrift, fmt.Sprintf("the reviewer token that Vault has stored for %s does not work, although %s", mountPath(t), oursWorks(t, e)), fact)
	}
	if reason == VaultToKubernetesMisconfigured && e.Mount.Config.Ok() && t.Kubernetes.IsServedAt(e.Mount.Config.Value.Host) {
		reason = VaultToKubernetesFailed // the host is right: something between the two answers
	}
	switch reason {
	case VaultToKubernetesFailed:
		conclude = byElimination // an unknown error
	case VaultToKubernetesProxy:
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

// diagnosticReviewer judges by the permissions of the identity that Vault uses.
func diagnosticReviewer(t evidence.Target, e evidence.Evidence, identity, fact string) (Verdict, bool) {
	access := e.FollowUps.DiagnosticAccess
	elsewhere := e.Mount.Config.Ok() && !t.Kubernetes.IsServedAt(e.Mount.Config.Value.Host)
	switch {
	case !access.Ok(), elsewhere: // the target's API server does not know the identities of another one
		return Verdict{}, false
	case !access.Value.Allowed:
		return concludedFrom(!access.Carried)(ReviewerDrift, fmt.Sprintf("Vault reviews as %s, which may not create TokenReviews", identity), fact,
			"a SubjectAccessReview says that it may not")
	case e.RoleProbePassed() && e.CanaryReviewed():
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

// vaultToKubernetes holds if everything that the exporter can check works, but Vault cannot
// have the token reviewed: its reviewer token, CA or host is wrong.
func vaultToKubernetes(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	hangs := e.LoginHangs()
	if !hangs && !(e.BareRefusal() && e.MountExists() && e.RoleAdmits()) || !worksForUs(t, e) {
		return Verdict{}, false
	}
	facts := []string{whyOursWorks(t, e), "the login failed: " + e.Login.Failure.Error()}
	if hangs || e.Login.Elapsed >= slowRefusal {
		return byElimination(VaultToKubernetesTimeout,
			fmt.Sprintf("Vault gets no response from its API server: the login took %s while sys/health was fast", e.Login.Elapsed.Round(100*time.Millisecond)),
			append(facts, "sys/health responded in "+e.Health.Elapsed.Round(time.Millisecond).String())...)
	}
	facts = append(facts, "the auth mount exists, and the login passes what Vault checks before it calls Kubernetes")
	return storedConfig(t, e, facts)
}

// worksForUs reports whether Kubernetes, as the exporter sees it, does not explain the
// failure. If the exporter may not query the reviewer's permissions, they count as fine.
func worksForUs(t evidence.Target, e evidence.Evidence) bool {
	mayNotAsk := t.Reviewer.Source.Spec().AccessReview && e.Access.Failed() && kubernetesReason(e.Access.Failure) == ""
	_, ignored := ignoresPodToken(t, e)
	return e.ReviewerWorks(t) || mayNotAsk || e.Access.Ok() && ignored
}

func whyOursWorks(t evidence.Target, e evidence.Evidence) string {
	switch {
	case !t.Reviewer.Source.Spec().AccessReview:
		return "the exporter's own TokenReview of the same token succeeded"
	case e.Access.Ok() && !e.Access.Value.Allowed:
		return "the API server answers the exporter, and Vault does not use the reviewer " + reviewerName(e)
	case e.Access.Ok():
		return "the API server responds to the exporter and says that " + reviewerName(e) + " may create TokenReviews"
	}
	return "the API server responds, but does not let the exporter query what the reviewer may do: " + e.Access.Failure.Error()
}

// followUpsPostponed holds if the follow-ups that would distinguish the causes were
// postponed. A later run makes them soon.
func followUpsPostponed(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	if e.FollowUps.Postponed.IsZero() || !e.BareRefusal() || !e.ReviewerWorks(t) {
		return Verdict{}, false
	}
	return byElimination(VaultToKubernetesFailed,
		fmt.Sprintf("the login at %s got a bare 403, although the exporter's reviewer works: Vault probably cannot have tokens reviewed; "+
			"the role or the mount may be wrong instead, which the exporter checks next", loginPath(t)),
		"the login failed: "+e.Login.Failure.Error(),
		fmt.Sprintf("many targets of this Vault fail at once: the follow-ups of this one are postponed to %s", e.FollowUps.Postponed.UTC().Format("15:04:05 MST")))
}

var hasScheme = regexp.MustCompile(`(?i)^https?://`)

// storedConfig uses the mount's config to narrow down what is wrong with Vault's connection
// to Kubernetes.
func storedConfig(t evidence.Target, e evidence.Evidence, facts []string) (Verdict, bool) {
	c := e.Mount.Config.Value
	field, ignored := ignoresPodToken(t, e)
	switch {
	case !e.Mount.Config.Ok():
	case !hasScheme.MatchString(c.Host):
		return byElimination(VaultToKubernetesMisconfigured, fmt.Sprintf("kubernetes_host in the config of %s is not a URL: %s", mountPath(t), c.Host),
			append(facts, "the config says kubernetes_host="+c.Host)...)
	case e.MountCA.Ok() && !e.MountCA.Value.Verified:
		return byElimination(VaultToKubernetesTLS,
			fmt.Sprintf("the CA in the config of %s does not verify the API server's certificate: %s", mountPath(t), e.MountCA.Value.Why),
			append(facts, "the certificate that the API server serves does not verify with the config's CA")...)
	case !t.Kubernetes.IsServedAt(c.Host):
		return byElimination(VaultToKubernetesFailed,
			fmt.Sprintf("Vault cannot have tokens reviewed at %s, which the config of %s names; the exporter can, at %s: either the host is wrong, "+
				"or these are different servers, and EXPORTER_KUBERNETES_HOST is wrong", c.Host, mountPath(t), t.Kubernetes.Host),
			append(facts, "the config says kubernetes_host="+c.Host)...)
	case ignored:
		return byElimination(ReviewerDrift,
			fmt.Sprintf("the config of %s has %s, so Vault does not use its own pod's token, which EXPORTER_REVIEWER=%s assumes: "+
				"what it uses instead, a stored token or that of each client, probably does not work", mountPath(t), field, t.Reviewer.Source),
			append(facts, "the config says "+field)...)
	case e.MountCA.Ok() && t.Reviewer.Source.Spec().SelfReview && c.ReviewerSetKnown && !c.ReviewerSet:
		return byElimination(CanaryEntityDisabled,
			fmt.Sprintf("the host and the CA in the config of %s are right, and the canary may review itself, as Vault has it do: the identity entity of %s is disabled, "+
				"or a firewall or an HTTP proxy keeps Vault from the API server",
				mountPath(t), canaryName(e)),
			append(facts, "the config has no reviewer token, and its CA verifies the API server's certificate")...)
	case e.MountCA.Ok() && !t.Reviewer.Source.Spec().AccessReview:
		return byElimination(ReviewerDrift,
			fmt.Sprintf("the host and the CA in the config of %s are right, so its reviewer token is not the one that the exporter has; "+
				"if it is, the canary's identity entity is disabled, or a firewall or an HTTP proxy keeps Vault from the API server", mountPath(t)),
			append(facts, "the config's host is the exporter's, and its CA verifies the API server's certificate")...)
	}
	return byElimination(VaultToKubernetesFailed,
		fmt.Sprintf("Vault cannot have tokens reviewed, although everything that the exporter can check works: the reviewer token, the CA or the host in the config of %s is wrong, "+
			"or the canary's identity entity is disabled", mountPath(t)),
		facts...)
}

package diagnose

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The rules on the configuration in Vault: PEM keys, CIDRs, and the reviewer token, CA
// and host with which it calls Kubernetes, as far as they are seen from outside.

// roleProbe holds if the rehearsal got a bare 403 too, which means that Vault rejects the
// login before it checks the token's times, and the config shows why.
func roleProbe(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	p, m := e.FollowUps.RoleProbe, e.Mount
	if !e.BareRefusal() || !p.Ok() || p.Value.Text != evidence.TextBare403 || !e.MountExists() || e.RoleProbeIsBlind() {
		return Verdict{}, false
	}
	if !m.Config.Ok() {
		return passesWithDiagnosticRole(t, e)
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

// passesWithDiagnosticRole holds if the canary's token passes the pem_keys with the diagnostic
// role, but a forged one does not get as far with the canary's role.
func passesWithDiagnosticRole(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	answer := e.FollowUps.DiagnosticRole
	if !answer.Ok() || !evidence.Contains(answer.Value.Text, evidence.TextNamespace) {
		return Verdict{}, false
	}
	return byElimination(RoleCIDRMismatch, fmt.Sprintf("the role %s does not admit the exporter's address, which the diagnostic role admits", t.Vault.Role),
		"a login with a forged, expired token got a bare 403 as well", "the diagnostic role responded: "+answer.Value.Text,
		"pem_keys of the mount, which the exporter may not read, would refuse the forged token too, but not the canary's")
}

func cidrs(m evidence.Mount) string {
	if len(m.Role.Value.CIDRs) == 0 {
		return ""
	}
	return ": " + evidence.Clean(strings.Join(m.Role.Value.CIDRs, ", "))
}

// vaultToKubernetes holds if everything that the exporter can check works, but Vault cannot
// have the token reviewed: its reviewer token, CA or host is wrong.
func vaultToKubernetes(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	hangs := e.LoginHangs()
	if !hangs && !(e.BareRefusal() && e.MountExists() && e.RoleAdmits()) || !worksForUs(t, e) || vaultReviews(e) {
		return Verdict{}, false
	}
	facts := []string{whyOursWorks(t, e), "the login failed: " + e.Login.Failure.Error()}
	if hangs || e.Login.Elapsed >= slowRefusal {
		facts = append(facts, "sys/health responded in "+e.Health.Elapsed.Round(time.Millisecond).String())
		call, seen := hangingCall(e)
		if seen {
			facts = append(facts, "a login with "+call+" hangs too; those that Vault refuses by itself do not")
		}
		return concludedFrom(seen)(VaultToKubernetesTimeout,
			fmt.Sprintf("Vault gets no response from its API server: the login took %s while sys/health was fast", e.Login.Elapsed.Round(100*time.Millisecond)), facts...)
	}
	facts = append(facts, "the auth mount exists, and the login passes what Vault checks before it calls Kubernetes")
	return storedConfig(t, e, facts)
}

// vaultReviews reports whether Vault reaches the API server as an account that may create
// TokenReviews, as the diagnostic role shows, and has no reason of its own to reject the
// canary.
func vaultReviews(e evidence.Evidence) bool {
	reason, known := diagnosticReason(e.FollowUps.DiagnosticRole.Value.Text)
	return known && reason == None && e.FollowUps.DiagnosticAccess.Value.Allowed && e.FollowUps.Entity.Ok()
}

// hangingCall returns which login hangs for which Vault does nothing but call the API server,
// while it answers those that it refuses before the call.
func hangingCall(e evidence.Evidence) (login string, ok bool) {
	f := e.FollowUps
	switch {
	case !e.MountExists() || f.MountProbe.Carried:
		return "", false
	case unanswered(f.DiagnosticRole):
		return "the diagnostic role", true
	case unanswered(f.CallProbe) && e.RoleProbePassed():
		return "a forged token, which the API server would refuse,", true
	}
	return "", false
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
		return concludedFrom(e.Mount.At.Equal(e.At) && failsAtCall(e))(VaultToKubernetesMisconfigured, fmt.Sprintf("kubernetes_host in the config of %s is not a URL: %s", mountPath(t), c.Host),
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
	case e.MountCA.Ok() && t.Reviewer.Source.Spec().SelfReview && c.ReviewerSetKnown && !c.ReviewerSet && !e.FollowUps.Entity.Ok():
		return byElimination(CanaryEntityDisabled,
			fmt.Sprintf("the host and the CA in the config of %s are right, and the canary may review itself, as Vault has it do: the identity entity of %s is disabled, "+
				"or a firewall or an HTTP proxy keeps Vault from the API server",
				mountPath(t), canaryName(e)),
			append(facts, "the config has no reviewer token, and its CA verifies the API server's certificate")...)
	case e.MountCA.Ok() && !t.Reviewer.Source.Spec().AccessReview:
		return byElimination(ReviewerDrift,
			fmt.Sprintf("the host and the CA in the config of %s are right, so its reviewer token is not the one that the exporter has; if it is, ", mountPath(t))+
				unlessRead(e, "the canary's identity entity is disabled, or ")+"a firewall or an HTTP proxy keeps Vault from the API server",
			append(facts, "the config's host is the exporter's, and its CA verifies the API server's certificate")...)
	}
	return byElimination(VaultToKubernetesFailed,
		fmt.Sprintf("Vault cannot have tokens reviewed, although everything that the exporter can check works: the reviewer token, the CA or the host in the config of %s is wrong", mountPath(t))+
			unlessRead(e, ", or the canary's identity entity is disabled"),
		facts...)
}

// unlessRead returns a text about the canary's identity entity, which is empty if the entity
// was read.
func unlessRead(e evidence.Evidence, text string) string {
	if e.FollowUps.Entity.Ok() {
		return ""
	}
	return text
}

package diagnose

import (
	"fmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The rules on Vault's side of the login.

var vaultTransportReasons = map[evidence.Class]Reason{
	evidence.ClassDNS:          VaultDNS,
	evidence.ClassUnreachable:  VaultUnreachable,
	evidence.ClassTimeout:      VaultTimeout,
	evidence.ClassTLSUntrusted: VaultTLSUntrusted,
	evidence.ClassTLSExpired:   VaultTLSExpired,
	evidence.ClassTLSName:      VaultTLSName,
	evidence.ClassTLSFailed:    VaultTLSFailed,
	evidence.ClassRedirect:     VaultRedirect,
	evidence.ClassBadResponse:  VaultBadResponse,
}

// noLeader holds where a standby answers in the place of an active node that it has lost.
// It redirects or forwards logins to where nobody answers.
func noLeader(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	f := e.Login.Failure
	lost := f.Class == evidence.ClassTimeout || f.Class == evidence.ClassRedirect
	if !e.Health.Ok() || !e.Health.Value.Standby || !e.Login.Failed() || !lost {
		return Verdict{}, false
	}
	facts := []string{"sys/health says standby: true", "the login failed: " + f.Error()}
	if e.Health.Value.Disconnected {
		return proven(VaultNoLeader, fmt.Sprintf("the node of Vault at %s is a standby that has lost the active node", t.Vault.Addr),
			append(facts, "sys/health says ha_connection_healthy: false")...)
	}
	if f.Class == evidence.ClassTimeout {
		return byElimination(VaultTimeout, fmt.Sprintf("the node of Vault at %s is a standby, and the active node does not answer the login in time", t.Vault.Addr), facts...)
	}
	return Verdict{}, false
}

// vaultTransport holds where nothing that answers as Vault was reached. A login that
// was not answered at all while sys/health was is not Vault's transport: Vault waits for
// Kubernetes. An answer that began and did not end is.
func vaultTransport(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	asked, question := e.Login.Failure, "the login"
	if e.Login.State == evidence.NotAsked || asked.Class == evidence.ClassTimeout && !asked.Answering {
		asked, question = e.Health.Failure, "sys/health"
	}
	if !asked.IsTransport() {
		return Verdict{}, false
	}
	return proven(vaultTransportReasons[asked.Class],
		fmt.Sprintf("nothing at %s answers as Vault: %s", t.Vault.Addr, asked.Error()),
		fmt.Sprintf("%s failed: %s", question, asked.Error()))
}

// vaultState holds where Vault answers, but serves no logins. What the login says
// outweighs what another node may say on sys/health.
func vaultState(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	saidSealed := e.Login.RefusedWith(503) && evidence.Contains(e.Login.Failure.Text, evidence.TextSealed)
	silent := e.Login.State == evidence.NotAsked || e.Login.Failure.Class == evidence.ClassTimeout
	h := e.Health.Value
	switch {
	case !saidSealed && !(silent && e.Health.Ok()):
		return Verdict{}, false
	case e.Health.Ok() && !h.Initialized:
		return proven(VaultUninitialized, fmt.Sprintf("Vault at %s is not initialised", t.Vault.Addr),
			"sys/health says initialized: false")
	case saidSealed || h.Sealed:
		return proven(VaultSealed, fmt.Sprintf("Vault at %s is sealed", t.Vault.Addr), sealedBecause(e)...)
	case h.DRSecondary || h.Removed:
		return proven(VaultNoLeader, fmt.Sprintf("the node of Vault at %s serves no logins: it is %s", t.Vault.Addr, evidence.DescribeHealth(h)),
			"sys/health says so")
	}
	return Verdict{}, false
}

func sealedBecause(e evidence.Evidence) []string {
	var facts []string
	if e.Login.Failed() && e.Login.Failure.Class == evidence.ClassRefused {
		facts = append(facts, "the login answered: "+e.Login.Failure.Error())
	}
	if e.Health.Ok() && e.Health.Value.Sealed {
		facts = append(facts, "sys/health says sealed: true")
	}
	return facts
}

// loginText holds where Vault's refusal says more than a bare 403: its text is the
// verdict.
func loginText(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	f := e.Login.Failure
	if !e.Login.Failed() || f.Class != evidence.ClassRefused || e.BareRefusal() {
		return Verdict{}, false
	}
	reason, certain := loginReason(f)
	if reason == Unexplained {
		return Verdict{}, false
	}
	reason, certain = refine(reason, certain, t, e)
	return concludedFrom(certain)(reason, fmt.Sprintf("Vault refused the login at %s with the role %s: %s", loginPath(t), t.Vault.Role, f.Text),
		fmt.Sprintf("the login answered: %s", f.Error()))
}

// refine turns what Vault says of a token into whose fault that is.
func refine(reason Reason, certain bool, t evidence.Target, e evidence.Evidence) (Reason, bool) {
	switch reason {
	case CanaryExpired, CanaryNotYetValid:
		return refineTimes(reason, e)
	case RoleNamespaceSelectorFailed:
		return refineSelector(e)
	case MountAnnotationsForbidden:
		reason, certain := refineCall(reason, callReason(e.Login.Failure.Text), e.Login.Failure.Text)
		switch reason { // the review before it succeeded, at the same host with the same token
		case VaultToKubernetesMisconfigured, VaultToKubernetesTLS, ReviewerDrift:
			reason = VaultToKubernetesFailed
		}
		return reason, certain && reason == MountAnnotationsForbidden
	case RoleAudienceMismatch:
		if lacksAudience(t, e) {
			return CanaryWrongAudience, certain
		}
	}
	return reason, certain
}

// refineTimes hears whoever else has a clock on Vault's word that the canary's token has
// expired or is not yet valid: the API server, and the exporter.
func refineTimes(reason Reason, e evidence.Evidence) (Reason, bool) {
	c := e.CanaryToken.Value
	invalid := c.Expired(e.At) || c.NotYetValid(e.At) || c.IssuedAhead(e.At)
	skewed := e.Health.Ok() && e.Health.Value.Skew.Abs() > evidence.Leeway
	switch {
	case e.Review.Ok() && e.Review.Value.Authenticated && invalid:
		return reason, false // the API server answers from its cache, or its own clock is behind
	case e.Review.Ok() && e.Review.Value.Authenticated:
		return VaultClockSkew, true
	case e.Review.Ok() && !e.Review.Value.Placeholder:
		found, certain := reviewReason(e.Review.Value.Error, c, e.At)
		return reason, certain && found == reason
	case skewed && !invalid:
		return VaultClockSkew, false
	}
	return reason, invalid && e.Health.Ok() && !skewed
}

// refineSelector reads what a canary role with a namespace selector repeats of
// Vault's call to Kubernetes. A refusal to read namespaces is the role's own matter.
func refineSelector(e evidence.Evidence) (Reason, bool) {
	reason, known := diagnosticReason(e.Login.Failure.Text)
	switch {
	case !known, evidence.Contains(e.Login.Failure.Text, "needs to be configured"):
		return RoleNamespaceSelectorFailed, true
	case reason == ReviewerDrift && !e.Review.Ok():
		return RoleNamespaceSelectorFailed, true
	}
	return refineCall(RoleNamespaceSelectorFailed, reason, e.Login.Failure.Text)
}

// refineCall is the reason of a login that failed with a call of Vault to read an object of
// the canary's. Only the API server's own refusal proves that a permission is missing.
func refineCall(forbidden, call Reason, text string) (Reason, bool) {
	switch {
	case call == None && evidence.Contains(text, evidence.TextForbidden):
		return forbidden, true
	case call == None && evidence.Contains(text, "not found"):
		return CanaryRevoked, false
	case call == None:
		return VaultToKubernetesFailed, false
	}
	return call, call != VaultToKubernetesFailed
}

// lacksAudience reports whether the canary's token is not for the audiences that
// it is configured to have.
func lacksAudience(t evidence.Target, e evidence.Evidence) bool {
	return len(t.Canary.Audiences) > 0 && !overlap(t.Canary.Audiences, e.CanaryToken.Value.Audiences)
}

// mountProbe holds where a bare 403 came from a mount that is not there, or not
// what it should be.
func mountProbe(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	p := e.FollowUps.MountProbe
	if !e.BareRefusal() || !p.Ok() || e.MountExists() {
		return Verdict{}, false
	}
	answer := fmt.Sprintf("a login with the role %s, which does not exist, answered: %d %s", evidence.ProbeRole, p.Value.Status, p.Value.Text)
	switch {
	case p.Value.Status == 403 && p.Value.Text == evidence.TextBare403 && e.Mount.Type != "" && e.Mount.Type != "kubernetes":
		return concludedFrom(!p.Carried && e.Mount.TypeAt.Equal(e.At))(MountWrongType, fmt.Sprintf("the auth method at %s is of type %s, not kubernetes", mountPath(t), e.Mount.Type),
			answer, "Vault lists the mount with this type")
	case p.Value.Status == 403 && p.Value.Text == evidence.TextBare403:
		because := []string{answer, "a Kubernetes auth mount would have said that the role is invalid"}
		where := mountPath(t)
		if t.Vault.Namespace != "" {
			where += " in the namespace " + t.Vault.Namespace
			because = append(because, "Vault Enterprise answers the same where the namespace does not exist")
		}
		because = append(because, "other auth methods, such as userpass, ldap or token, answer the same")
		return byElimination(MountMissing, "there is no auth mount at "+where, because...)
	case p.Value.Status == 400:
		reason, certain := loginReason(evidence.Failure{Class: evidence.ClassRefused, Status: p.Value.Status, Text: p.Value.Text})
		if reason != MountWrongType {
			return concludedFrom(certain && !p.Carried)(reason, fmt.Sprintf("Vault refuses logins at %s: %s", loginPath(t), p.Value.Text), answer)
		}
		return concludedFrom(certain && !p.Carried)(reason, fmt.Sprintf("what is mounted at %s is not a Kubernetes auth method", mountPath(t)), answer)
	}
	return Verdict{}, false
}

func mountPath(t evidence.Target) string { return "auth/" + t.Vault.Mount }

package diagnose

import (
	"fmt"
	"net/http"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The rules on Vault's part of the login.

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

// noLeader holds if a standby responds that has lost the active node: it redirects or
// forwards logins to a node that is sealed or does not respond.
func noLeader(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	f := e.Login.Failure
	redirected := f.Active != "" && f.IsTransport()
	sealed := f.Active != "" && saidSealed(e)
	lost := f.Class == evidence.ClassTimeout || f.Class == evidence.ClassRedirect || redirected || sealed
	if !e.Health.Ok() || !e.Health.Value.Standby || !e.Login.Failed() || !lost || e.LoginHangs() {
		return Verdict{}, false
	}
	standby := fmt.Sprintf("the node of Vault at %s is a standby", t.Vault.Addr)
	facts := []string{"sys/health says standby: true", "the login failed: " + f.Error()}
	if e.Health.Value.Disconnected {
		facts = append(facts, "sys/health says ha_connection_healthy: false")
	}
	switch {
	case sealed:
		return proven(VaultNoLeader, fmt.Sprintf("%s, and the active node that it redirects to, %s, is sealed", standby, f.Active), facts...)
	case e.Health.Value.Disconnected:
		return proven(VaultNoLeader, standby+" that has lost the active node", facts...)
	case f.Class == evidence.ClassTimeout:
		return byElimination(VaultTimeout, standby+", and the active node does not answer the login in time", facts...)
	case redirected && f.Class == evidence.ClassUnreachable:
		// A standby reports a healthy connection for 10 s after it lost the active node.
		return byElimination(VaultNoLeader, fmt.Sprintf("%s that cannot forward the login, and the active node that it names, %s, does not respond", standby, f.Active), facts...)
	}
	return Verdict{}, false
}

// vaultTransport holds if no response came from Vault. It does not hold if the login timed
// out but sys/health responded, since Vault is then waiting for Kubernetes, unless the
// login's response had begun.
func vaultTransport(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	asked, question := e.Login.Failure, "the login"
	if e.Login.State == evidence.NotAsked || asked.Class == evidence.ClassTimeout && !asked.Answering {
		asked, question = e.Health.Failure, "sys/health"
	}
	if !asked.IsTransport() {
		return Verdict{}, false
	}
	because := []string{fmt.Sprintf("%s failed: %s", question, asked.Error())}
	if e.Health.Ok() {
		because = append(because, "sys/health responded")
	}
	isForeign := asked.Class == evidence.ClassBadResponse || asked.Class == evidence.ClassRedirect
	switch {
	case asked.Class == evidence.ClassBadResponse && isGatewayStatus(asked.Status):
		// A maintenance page returns 503 too, and a gateway may time out before Vault responds.
		certain := asked.Status != http.StatusServiceUnavailable && !e.Health.Ok()
		return concludedFrom(certain)(VaultNoBackend,
			fmt.Sprintf("a load balancer or proxy responds instead of Vault at %s: %s", t.Vault.Addr, asked.Error()), because...)
	case question == "the login" && isProxysLimit(t, e):
		return byElimination(VaultRateLimited,
			fmt.Sprintf("a server in front of Vault at %s limits the rate of requests: %s", t.Vault.Addr, asked.Error()), because...)
	case isForeign && question == "sys/health" && e.Login.Failed():
		// A proxy that blocks sys/ may still pass logins on.
		return byElimination(VaultTimeout,
			fmt.Sprintf("the login at %s got no response in time, and another server responds to sys/health, which would show whether Vault waits for Kubernetes: %s", t.Vault.Addr, asked.Error()),
			append(because, "the login failed: "+e.Login.Failure.Error())...)
	case e.Health.Ok():
		reason := vaultTransportReasons[asked.Class]
		if asked.Active != "" {
			reason = VaultRedirect
		}
		return proven(reason, fmt.Sprintf("Vault at %s does not serve the login: %s", t.Vault.Addr, asked.Error()), because...)
	}
	return proven(vaultTransportReasons[asked.Class], fmt.Sprintf("nothing at %s responds as Vault: %s", t.Vault.Addr, asked.Error()), because...)
}

// isProxysLimit reports whether the login got a 429 that is not Vault's own, unless the address is that
// of something else: the API server, or a server whose answer to sys/health is no limit and not Vault's.
func isProxysLimit(t evidence.Target, e evidence.Evidence) bool {
	isForeign := func(f evidence.Failure) bool {
		return f.Class == evidence.ClassBadResponse && f.Status != http.StatusTooManyRequests || f.Class == evidence.ClassRedirect
	}
	login := e.Login.Failure
	return login.Class == evidence.ClassBadResponse && login.Status == http.StatusTooManyRequests &&
		!isForeign(e.Health.Failure) && !t.Kubernetes.IsServedAt(t.Vault.Addr)
}

// isGatewayStatus reports whether a status means that a gateway did not reach its server.
func isGatewayStatus(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// vaultState holds if Vault responds, but serves no logins. The login takes precedence over
// sys/health, which another node may have answered.
func vaultState(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	saidSealed := saidSealed(e)
	silent := e.Login.State == evidence.NotAsked || e.Login.Failure.Class == evidence.ClassTimeout
	h := e.Health.Value
	switch {
	case !saidSealed && !(silent && e.Health.Ok()):
		return Verdict{}, false
	case e.Health.Ok() && !h.Initialized:
		return proven(VaultUninitialized, fmt.Sprintf("Vault at %s is not initialised", t.Vault.Addr),
			"sys/health says initialized: false")
	case saidSealed || h.Sealed:
		conclude := concludedFrom(e.Health.Ok()) // a Vault that is not initialised responds to the login as a sealed one
		return conclude(VaultSealed, fmt.Sprintf("Vault at %s is sealed", t.Vault.Addr), sealedBecause(e)...)
	case h.DRSecondary || h.Removed:
		return proven(VaultNoLeader, fmt.Sprintf("the node of Vault at %s serves no logins: it is %s", t.Vault.Addr, evidence.DescribeHealth(h)),
			"sys/health says so")
	}
	return Verdict{}, false
}

// saidSealed reports whether the login's response says that Vault is sealed.
func saidSealed(e evidence.Evidence) bool {
	return e.Login.RefusedWith(503) && evidence.Contains(e.Login.Failure.Text, evidence.TextSealed)
}

func sealedBecause(e evidence.Evidence) []string {
	var facts []string
	if e.Login.Failed() && e.Login.Failure.Class == evidence.ClassRefused {
		facts = append(facts, "the login failed: "+e.Login.Failure.Error())
	}
	if e.Health.Ok() && e.Health.Value.Sealed {
		facts = append(facts, "sys/health says sealed: true")
	}
	return facts
}

// loginText holds if Vault's error is not a bare 403: its text determines the
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
	return concludedFrom(certain)(reason, fmt.Sprintf("Vault rejected the login at %s with the role %s: %s", loginPath(t), t.Vault.Role, f.Text),
		fmt.Sprintf("the login failed: %s", f.Error()))
}

// refine decides which component is at fault for what Vault says about a token.
func refine(reason Reason, certain bool, t evidence.Target, e evidence.Evidence) (Reason, bool) {
	switch reason {
	case CanaryExpired, CanaryNotYetValid:
		return refineTimes(reason, e)
	case MountWrongType:
		if m := e.Mount; !certain && m.Type == "kubernetes" && m.TypeAt.Equal(e.At) {
			return Unexplained, false
		}
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

// refineTimes checks Vault's statement that the canary's token has expired or is not yet
// valid against the clocks of the API server and the exporter.
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

// refineSelector interprets the error of Vault's call to Kubernetes for the namespace
// selector of the canary's role. A reviewer that may not read namespaces is the role's fault.
func refineSelector(e evidence.Evidence) (Reason, bool) {
	reason, known := diagnosticReason(e.Login.Failure.Text)
	switch {
	case !known, evidence.Contains(e.Login.Failure.Text, textNoReviewer):
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

// lacksAudience reports whether the canary's token has none of the audiences that it is
// configured to have.
func lacksAudience(t evidence.Target, e evidence.Evidence) bool {
	return len(t.Canary.Audiences) > 0 && !overlap(t.Canary.Audiences, e.CanaryToken.Value.Audiences)
}

// mountProbe holds if the login got a bare 403 because the mount does not exist or is of
// another type, or if Vault answers no login at all.
func mountProbe(t evidence.Target, e evidence.Evidence) (Verdict, bool) {
	p := e.FollowUps.MountProbe
	if e.LoginHangs() && unanswered(p) {
		return proven(VaultTimeout, fmt.Sprintf("Vault at %s answers sys/health, but no login", t.Vault.Addr),
			"the login failed: "+e.Login.Failure.Error(), "a login with a role that does not exist, which Vault refuses by itself, got no answer either")
	}
	if !e.BareRefusal() || !p.Ok() || e.MountExists() {
		return Verdict{}, false
	}
	answer := fmt.Sprintf("a login with the role %s, which does not exist, got: %d %s", evidence.ProbeRole, p.Value.Status, p.Value.Text)
	switch {
	case p.Value.IsBare403() && e.Mount.Type != "" && e.Mount.Type != "kubernetes":
		return concludedFrom(!p.Carried && e.Mount.TypeAt.Equal(e.At))(MountWrongType, fmt.Sprintf("the auth method at %s is of type %s, not kubernetes", mountPath(t), e.Mount.Type),
			answer, "Vault lists the mount with this type")
	case p.Value.IsBare403() && e.Mount.Type == "kubernetes" && e.Mount.TypeAt.Equal(e.At):
		return byElimination(VaultInternalError, fmt.Sprintf("Vault lists %s with the type kubernetes, but serves no logins there: most likely it could not load the plugin", mountPath(t)), answer)
	case p.Value.IsBare403():
		return noKubernetesMount(t, e, answer)
	case p.Value.Status == 400:
		reason, certain := loginReason(evidence.Failure{Class: evidence.ClassRefused, Status: p.Value.Status, Text: p.Value.Text})
		if reason != MountWrongType {
			return concludedFrom(certain && !p.Carried)(reason, fmt.Sprintf("Vault refuses logins at %s: %s", loginPath(t), p.Value.Text), answer)
		}
		return concludedFrom(certain && !p.Carried)(reason, fmt.Sprintf("what is mounted at %s is not a Kubernetes auth method", mountPath(t)), answer)
	}
	return Verdict{}, false
}

// unanswered reports whether a follow-up got no response for a second.
func unanswered(f evidence.Fact[evidence.Refusal]) bool {
	return f.Failed() && f.Failure.Class == evidence.ClassTimeout && !f.Failure.Answering && !f.Carried && f.Elapsed >= time.Second
}

// noKubernetesMount judges a bare 403 to the mount probe. Vault says that nothing is mounted
// only to a token that may read the path. To others it answers as if a permission were
// missing, and so do auth methods that log in at another path.
func noKubernetesMount(t evidence.Target, e evidence.Evidence, answer string) (Verdict, bool) {
	facts := []string{answer, "a Kubernetes auth mount would have said that the role is invalid"}
	where := mountPath(t)
	if t.Vault.Namespace != "" {
		where += " in the namespace " + t.Vault.Namespace
	}
	help, carried := e.FollowUps.MountHelp, e.FollowUps.MountProbe.Carried
	switch {
	case e.Mount.Missing && e.Mount.TypeAt.Equal(e.At):
		return proven(MountMissing, "there is no auth mount at "+where, append(facts, "a token that may read its config got: "+evidence.TextNoRoute)...)
	case help.Ok() && help.Value.Status == 200:
		return concludedFrom(!carried)(MountWrongType, fmt.Sprintf("what is mounted at %s is an auth method that takes a name in the path of a login, such as userpass or ldap", where),
			append(facts, "Vault gives help for "+loginPath(t)+"/<name>")...)
	case help.Ok() && help.Value.IsBare403() && e.Health.Value.Community && t.Vault.Namespace == "" && t.Vault.Mount != "token":
		return concludedFrom(!carried)(MountMissing, "nothing that takes logins is mounted at "+where,
			append(facts, "methods that take a name in the path of a login, such as userpass, ldap, okta and radius, would have given help for it")...)
	case t.Vault.Namespace != "":
		facts = append(facts, "Vault Enterprise responds the same if the namespace does not exist")
	}
	return byElimination(MountMissing, "there is no auth mount at "+where, append(facts, "other auth methods, such as userpass, ldap or token, respond the same")...)
}

func mountPath(t evidence.Target) string { return "auth/" + t.Vault.Mount }

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
	reason = refine(reason, t, e)
	return concludedFrom(certain)(reason, fmt.Sprintf("Vault refused the login at %s with the role %s: %s", loginPath(t), t.Vault.Role, f.Text),
		fmt.Sprintf("the login answered: %s", f.Error()))
}

// refine turns what Vault says of a token into whose fault that is.
func refine(reason Reason, t evidence.Target, e evidence.Evidence) Reason {
	switch reason {
	case CanaryExpired, CanaryNotYetValid:
		if e.Review.Ok() && e.Review.Value.Authenticated {
			return VaultClockSkew // the API server's clock finds the same token fine
		}
	case RoleNamespaceSelectorFailed:
		return refineSelector(e)
	case RoleAudienceMismatch:
		if lacksAudience(t, e) {
			return CanaryWrongAudience
		}
	}
	return reason
}

// refineSelector reads what a canary role with a namespace selector repeats of
// Vault's call to Kubernetes. A refusal to read namespaces is the role's own matter.
func refineSelector(e evidence.Evidence) Reason {
	reason, known := diagnosticReason(e.Login.Failure.Text)
	switch {
	case !known, reason == None, evidence.Contains(e.Login.Failure.Text, "needs to be configured"):
		return RoleNamespaceSelectorFailed
	case reason == ReviewerDrift && !e.Review.Ok():
		return RoleNamespaceSelectorFailed
	}
	return reason
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
	conclude := concludedFrom(!p.Carried)
	answer := fmt.Sprintf("a login with the role %s, which does not exist, answered: %d %s", evidence.ProbeRole, p.Value.Status, p.Value.Text)
	switch {
	case p.Value.Status == 403 && p.Value.Text == evidence.TextBare403:
		because := []string{answer, "a Kubernetes auth mount would have said that the role is invalid"}
		where := mountPath(t)
		if t.Vault.Namespace != "" {
			where += " in the namespace " + t.Vault.Namespace
			because = append(because, "Vault Enterprise answers the same where the namespace does not exist")
		}
		return conclude(MountMissing, "there is no auth mount at "+where, because...)
	case p.Value.Status == 400:
		return conclude(MountWrongType, fmt.Sprintf("what is mounted at %s is not a Kubernetes auth method", mountPath(t)), answer)
	}
	return Verdict{}, false
}

func mountPath(t evidence.Target) string { return "auth/" + t.Vault.Mount }

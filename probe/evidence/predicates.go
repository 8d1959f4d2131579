package evidence

import (
	"regexp"
	"slices"
)

// BareRefusal reports whether the login got a bare 403: one whose text is nothing but
// "permission denied", so that it does not say why.
func (e Evidence) BareRefusal() bool {
	return e.Login.RefusedWith(403) && e.Login.Failure.Text == TextBare403
}

// LoginHangs reports whether only the login timed out: Vault itself responds, so it is
// waiting for the API server. A standby may be waiting for the active node instead, unless
// that has answered the mount probe through it. Only one of Vault Community forwards every
// login: those of Enterprise and OpenBao answer some themselves.
func (e Evidence) LoginHangs() bool {
	if !e.OnlyLoginTimedOut() {
		return false
	}
	node := e.Health.Value
	return !node.Standby || node.Community && e.MountExists() && !e.FollowUps.MountProbe.Carried
}

// OnlyLoginTimedOut reports whether the login timed out and sys/health responded.
func (e Evidence) OnlyLoginTimedOut() bool {
	return e.Login.Failed() && e.Login.Failure.Class == ClassTimeout && !e.Login.Failure.Answering && e.Health.Ok()
}

// MountExists reports whether the mount probe found a Kubernetes auth mount.
func (e Evidence) MountExists() bool {
	p := e.FollowUps.MountProbe
	return p.Ok() && p.Value.Status == 400 && Contains(p.Value.Text, TextInvalidRole)
}

// RoleAdmits reports whether the canary passes everything that Vault checks before it
// calls Kubernetes: the role probe passed, or the config and role that were read say so,
// or the plugin is too old for the probe to show it (before Vault 1.11 it does not check
// exp).
func (e Evidence) RoleAdmits() bool {
	m := e.Mount
	read := m.Role.Ok() && len(m.Role.Value.CIDRs) == 0 && m.Config.Ok() && len(m.Config.Value.PEMKeys) == 0
	return e.RoleProbePassed() || read || e.RoleProbeIsBlind()
}

var vaultBefore111 = regexp.MustCompile(`^v?1\.(?:[0-9]|10)\.`)

// RoleProbeIsBlind reports whether this Vault does not check exp, so that the role probe
// shows nothing.
func (e Evidence) RoleProbeIsBlind() bool {
	return e.Health.Ok() && vaultBefore111.MatchString(e.Health.Value.Version)
}

// RoleProbePassed reports whether Vault rejected the role probe because of the token's
// expiry: the role, the config, the role's CIDRs and the PEM keys, if any, did not reject
// it first.
func (e Evidence) RoleProbePassed() bool {
	p := e.FollowUps.RoleProbe
	return p.Ok() && Contains(p.Value.Text, TextExpired)
}

// CanaryReviewed reports whether the exporter's TokenReview authenticated the canary as
// the service account in its claims, for an audience that it has.
func (e Evidence) CanaryReviewed() bool {
	r, wanted := e.Review.Value, e.CanaryToken.Value.Audiences
	admitted := len(wanted) == 0 || slices.ContainsFunc(wanted, func(a string) bool { return slices.Contains(r.Audiences, a) })
	return e.Review.Ok() && !r.Placeholder && r.Authenticated && admitted && IsCanary(r, e.CanaryToken.Value)
}

// ReviewerWorks reports whether the configured reviewer is known to work: it reviewed the
// canary, or the API server says that it may create TokenReviews.
func (e Evidence) ReviewerWorks(t Target) bool {
	if t.Reviewer.Source.Spec().AccessReview {
		return e.Access.Ok() && e.Access.Value.Allowed
	}
	return e.CanaryReviewed()
}

// ReviewerUnexplained reports whether the API server rejects the reviewer's token, and
// the token's own times do not explain why.
func (e Evidence) ReviewerUnexplained() bool {
	c := e.ReviewerToken.Value
	return e.Review.RefusedWith(401) && !c.Opaque && !c.Expired(e.At) && !c.NotYetValid(e.At)
}

// AsksForBackoff reports whether Vault or the API server asked for fewer requests.
func (e Evidence) AsksForBackoff() bool {
	return e.VaultAsksForBackoff() || e.KubernetesAsksForBackoff()
}

// VaultAsksForBackoff reports whether Vault, or a server in front of it, asked for fewer requests.
func (e Evidence) VaultAsksForBackoff() bool {
	return e.Login.Failed() && e.Login.Failure.Status == 429 || e.Login.RefusedWith(503) && Contains(e.Login.Failure.Text, TextOverloaded)
}

// KubernetesAsksForBackoff reports whether the API server asked for fewer requests.
func (e Evidence) KubernetesAsksForBackoff() bool {
	return e.Review.RefusedWith(429) || e.Access.RefusedWith(429) || e.ReviewerToken.RefusedWith(429)
}

// IsCanary compares the reviewed identity with the token's claims, as Vault does.
func IsCanary(r Review, c Claims) bool {
	return r.Username == ServiceAccount{c.Namespace, c.ServiceAccount}.Username() && r.UID == c.UID
}

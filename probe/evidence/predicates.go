package evidence

import (
	"regexp"
	"slices"
)

// BareRefusal reports whether the login met the one answer that says nothing: a
// 403 whose text is "permission denied" alone.
func (e Evidence) BareRefusal() bool {
	return e.Login.RefusedWith(403) && e.Login.Failure.Text == TextBare403
}

// LoginHangs reports whether the login alone was not answered: Vault itself answers, so
// it is waiting for the API server. A standby may be waiting for the active node.
func (e Evidence) LoginHangs() bool {
	return e.Login.Failed() && e.Login.Failure.Class == ClassTimeout && !e.Login.Failure.Answering && e.Health.Ok() && !e.Health.Value.Standby
}

// MountExists reports whether the mount probe found a Kubernetes auth mount.
func (e Evidence) MountExists() bool {
	p := e.FollowUps.MountProbe
	return p.Ok() && p.Value.Status == 400 && Contains(p.Value.Text, TextInvalidRole)
}

// RoleAdmits reports whether nothing that Vault checks before it asks Kubernetes is in
// the way: the role probe passed, or what was read says so, or the plugin is too old for
// the probe to tell (before Vault 1.11 it does not check exp).
func (e Evidence) RoleAdmits() bool {
	m := e.Mount
	read := m.Role.Ok() && len(m.Role.Value.CIDRs) == 0 && m.Config.Ok() && len(m.Config.Value.PEMKeys) == 0
	return e.RoleProbePassed() || read || e.RoleProbeIsBlind()
}

var vaultBefore111 = regexp.MustCompile(`^v?1\.(?:[0-9]|10)\.`)

// RoleProbeIsBlind reports whether this Vault answers an expired token as any other.
func (e Evidence) RoleProbeIsBlind() bool {
	return e.Health.Ok() && vaultBefore111.MatchString(e.Health.Value.Version)
}

// RoleProbePassed reports whether the role probe came as far as the token's expiry: the
// role, the config and the role's CIDRs are fine, and no PEM keys are in the way.
func (e Evidence) RoleProbePassed() bool {
	p := e.FollowUps.RoleProbe
	return p.Ok() && Contains(p.Value.Text, TextExpired)
}

// CanaryReviewed reports whether our own TokenReview found the canary to be what its
// claims say, for an audience that it has.
func (e Evidence) CanaryReviewed() bool {
	r, wanted := e.Review.Value, e.CanaryToken.Value.Audiences
	admitted := len(wanted) == 0 || slices.ContainsFunc(wanted, func(a string) bool { return slices.Contains(r.Audiences, a) })
	return e.Review.Ok() && !r.Placeholder && r.Authenticated && admitted && IsCanary(r, e.CanaryToken.Value)
}

// ReviewerWorks reports whether our reviewer is beyond doubt: it reviewed the canary, or
// the API server says that it may review.
func (e Evidence) ReviewerWorks(t Target) bool {
	if t.Reviewer.Source.Spec().AccessReview {
		return e.Access.Ok() && e.Access.Value.Allowed
	}
	return e.CanaryReviewed()
}

// ReviewerUnexplained reports whether the API server does not take the reviewer's
// token, and nothing that the token says of itself explains it.
func (e Evidence) ReviewerUnexplained() bool {
	if !e.Review.RefusedWith(401) || e.ReviewerToken.Value.Expired(e.At) || e.ReviewerToken.Value.NotYetValid(e.At) {
		return false
	}
	issuer := e.ReviewerToken.Value.Issuer
	return issuer == e.OwnToken.Value.Issuer || issuer == LegacyIssuer
}

// AsksForBackoff reports whether either end asked to be spared further requests.
func (e Evidence) AsksForBackoff() bool {
	return e.Login.RefusedWith(429) || e.Review.RefusedWith(429) ||
		e.Login.RefusedWith(503) && Contains(e.Login.Failure.Text, TextOverloaded)
}

// IsCanary compares the reviewed identity with the token's claims, as Vault does.
func IsCanary(r Review, c Claims) bool {
	return r.Username == "system:serviceaccount:"+c.Namespace+":"+c.ServiceAccount && r.UID == c.UID
}

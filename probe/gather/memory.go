package gather

import (
	"fmt"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

const (
	// followUpsValidFor is how long the results of follow-ups are carried over instead of
	// making them again, as long as every run observes the same failure.
	followUpsValidFor = 10 * time.Minute
	// mountEvery is after how many runs the mount is read again.
	mountEvery = 10
)

// Memory is what is kept of the evidence of one target's last run for its next run. The
// zero value is for a target that was never probed.
type Memory struct {
	runs        int
	loggedIn    bool   // in the last run
	fingerprint string // of the last run, if it has results of follow-ups
	followUps   evidence.FollowUps

	minted tokensMinted

	negative    evidence.NegativeCanary
	negativeDue time.Time // when the next round of the negative canary is due

	mount        evidence.Mount // as last read
	privileges   evidence.Fact[evidence.Privileges]
	capabilities evidence.Fact[[]evidence.Capabilities]
	config       baseline[evidence.MountConfig]
	role         baseline[evidence.RoleConfig]
}

// tokensMinted are the minted tokens of one target.
type tokensMinted struct{ canary, reviewer minted }

// withoutRejected removes the tokens that the API server rejected in this run, so that the
// next run mints new ones.
func (m tokensMinted) withoutRejected(e *evidence.Evidence) tokensMinted {
	if e.Review.RefusedWith(401) {
		m.reviewer = minted{}
	}
	if e.Review.Ok() && !e.Review.Value.Placeholder && !e.Review.Value.Authenticated {
		m.canary = minted{}
	}
	return m
}

// minted is a token that the exporter minted. It is reused while usable.
type minted struct{ evidence.Token }

// usable reports whether more than a fifth of the token's validity is left.
func (m minted) usable(now time.Time) bool {
	validity := m.Claims.Expires.Sub(m.Claims.Issued())
	return !m.IsZero() && m.Claims.Expires.Sub(now) > validity/5
}

// mountDue reports whether this run should read the mount: the first run, every tenth, the
// first one after logins started or stopped working, and every run whose login gets a bare
// 403, so that the verdict follows a fix.
func (m *Memory) mountDue(login evidence.Fact[evidence.Login]) bool {
	refused := login.RefusedWith(403) && login.Failure.Text == evidence.TextBare403
	return m.runs%mountEvery == 0 || login.Ok() != m.loggedIn || refused
}

// followUpsFor returns the results of earlier follow-ups that are carried over: none if
// this run observed something other than the last run, and none that are too old.
func (m *Memory) followUpsFor(e *evidence.Evidence) evidence.FollowUps {
	if m.fingerprint == "" || m.fingerprint != fingerprintOf(e) {
		return evidence.FollowUps{}
	}
	f := m.followUps
	return evidence.FollowUps{
		MountProbe: held(f.MountProbe, e.At), MountHelp: held(f.MountHelp, e.At), RoleProbe: held(f.RoleProbe, e.At),
		CallProbe: held(f.CallProbe, e.At), ReviewerReview: held(f.ReviewerReview, e.At), Entity: held(f.Entity, e.At),
		DiagnosticRole: held(f.DiagnosticRole, e.At), DiagnosticAccess: held(f.DiagnosticAccess, e.At),
	}
}

// anyMade reports whether there are results of follow-ups.
func anyMade(f evidence.FollowUps) bool {
	for _, s := range []evidence.State{
		f.MountProbe.State, f.MountHelp.State, f.RoleProbe.State, f.CallProbe.State, f.ReviewerReview.State,
		f.Entity.State, f.DiagnosticRole.State, f.DiagnosticAccess.State,
	} {
		if s != evidence.NotAsked {
			return true
		}
	}
	return false
}

func held[T any](f evidence.Fact[T], now time.Time) evidence.Fact[T] {
	if f.State == evidence.NotAsked || now.Sub(f.At) >= followUpsValidFor {
		return evidence.Fact[T]{}
	}
	f.Carried = true
	return f
}

// remember turns m into the memory for the next run.
func (m *Memory) remember(e *evidence.Evidence) {
	m.runs++
	m.loggedIn = e.Login.Ok()
	m.fingerprint, m.followUps = "", e.FollowUps
	m.negative = e.NegativeCanary
	if anyMade(e.FollowUps) {
		m.fingerprint = fingerprintOf(e)
	}
	if e.Mount.Config.Ok() {
		m.mount = e.Mount
		if e.Mount.At.Equal(e.At) {
			m.config, m.role = m.config.after(e.Mount.Config, e.At), m.role.after(e.Mount.Role, e.At)
		}
	}
	m.mount.Type, m.mount.TypeAt = e.Mount.Type, e.Mount.TypeAt
	if e.Privileges.State != evidence.NotAsked {
		m.privileges = e.Privileges
	}
	if e.Capabilities.State != evidence.NotAsked {
		m.capabilities = e.Capabilities
	}
}

// fingerprintOf is equal for two runs that observed the same: they used the same tokens,
// the mount had the same config as far as it was ever read, and every request had the same
// state, class, status and kind of text. The tokens are part of it because a follow-up about
// one token says nothing about another.
func fingerprintOf(e *evidence.Evidence) string {
	var b strings.Builder
	add := func(state evidence.State, f evidence.Failure) {
		fmt.Fprintf(&b, "%d/%s/%d/%s;", state, f.Class, f.Status, textKind(f.Text))
	}
	add(e.CanaryToken.State, e.CanaryToken.Failure)
	add(e.ReviewerToken.State, e.ReviewerToken.Failure)
	add(e.Review.State, e.Review.Failure)
	add(e.Access.State, e.Access.Failure)
	add(e.Health.State, e.Health.Failure)
	add(e.Login.State, e.Login.Failure)
	fmt.Fprintf(&b, "%+v;%+v;", e.CanaryToken.Value, e.ReviewerToken.Value)
	fmt.Fprintf(&b, "%+v;%+v;", e.Mount.Config.Value, e.Mount.Role.Value)
	fmt.Fprintf(&b, "%t/%s", e.Review.Value.Authenticated, textKind(e.Review.Value.Error))
	return b.String()
}

// textKind removes the parts of a text that vary from run to run: digits, and whatever is
// in double quotes.
func textKind(text string) string {
	quoted := false
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			quoted = !quoted
			return -1
		case quoted, r >= '0' && r <= '9':
			return -1
		}
		return r
	}, text)
}

package gather

import (
	"fmt"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

const (
	// followUpsHold is how long the answers to follow-ups stand in for asking again,
	// while every run sees the same.
	followUpsHold = 10 * time.Minute
	// mountEvery is how many runs share one reading of the mount.
	mountEvery = 10
	// baselineHolds is how long a changed config is a warning before it is the new
	// baseline.
	baselineHolds = 24 * time.Hour
)

// Notes is what gathering keeps of one target's last run for the next. The zero
// value is that of a target that was never probed.
type Notes struct {
	runs        int
	loggedIn    bool // in the last run
	fingerprint string
	followUps   evidence.FollowUps

	minted tokensMinted

	mount     evidence.Mount // as it was last read
	powers    evidence.Fact[evidence.ExcessPrivileges]
	baseline  *evidence.MountConfig
	changedAt time.Time // when the config first differed from the baseline
}

// tokensMinted are those of one target.
type tokensMinted struct{ canary, reviewer minted }

// withoutRejected leaves out the tokens that the API server rejected in this run, so
// that the next one mints new ones.
func (m tokensMinted) withoutRejected(e evidence.Evidence) tokensMinted {
	if e.Review.RefusedWith(401) {
		m.reviewer = minted{}
	}
	if e.Review.Ok() && !e.Review.Value.Placeholder && !e.Review.Value.Authenticated {
		m.canary = minted{}
	}
	return m
}

// minted is a token that the exporter minted itself, reused for most of its validity.
type minted struct{ evidence.Token }

// usable reports whether less than 80 % of the token's validity has passed.
func (m minted) usable(now time.Time) bool {
	validity := m.Claims.Expires.Sub(m.Claims.Issued())
	return !m.IsZero() && m.Claims.Expires.Sub(now) > validity/5
}

// mountDue reports whether this run should read the mount: the first, every tenth, after
// logins started or stopped working, and while Vault refuses them without a word, so that
// the verdict follows a fix. It does not copy the notes, other parts of which minting
// changes meanwhile.
func (m *Notes) mountDue(login evidence.Fact[evidence.Login]) bool {
	refused := login.RefusedWith(403) && login.Failure.Text == evidence.TextBare403
	return m.runs%mountEvery == 0 || login.Ok() != m.loggedIn || refused
}

// followUpsFor returns the answers of earlier runs that still hold: this run saw
// exactly what the last one saw, and they are not too old.
func (m Notes) followUpsFor(e evidence.Evidence) evidence.FollowUps {
	if m.fingerprint != fingerprintOf(e) {
		return evidence.FollowUps{}
	}
	f := m.followUps
	return evidence.FollowUps{
		MountProbe: held(f.MountProbe, e.At), RoleProbe: held(f.RoleProbe, e.At), ReviewerReview: held(f.ReviewerReview, e.At),
		DiagnosticRole: held(f.DiagnosticRole, e.At), DiagnosticAccess: held(f.DiagnosticAccess, e.At),
	}
}

func held[T any](f evidence.Fact[T], now time.Time) evidence.Fact[T] {
	if f.State == evidence.NotAsked || now.Sub(f.At) >= followUpsHold {
		return evidence.Fact[T]{}
	}
	f.Carried = true
	return f
}

// remember returns the notes for the next run.
func (m Notes) remember(e evidence.Evidence) Notes {
	m.runs++
	m.loggedIn = e.Login.Ok()
	m.fingerprint, m.followUps = fingerprintOf(e), e.FollowUps
	if e.Mount.Config.Ok() {
		m.mount = e.Mount
		m.rebase(e)
	}
	m.mount.Type, m.mount.TypeAt = e.Mount.Type, e.Mount.TypeAt
	if e.ExcessPrivileges.State != evidence.NotAsked {
		m.powers = e.ExcessPrivileges
	}
	return m
}

// rebase keeps the config that later ones are held against.
func (m *Notes) rebase(e evidence.Evidence) {
	config := e.Mount.Config.Value
	switch {
	case m.baseline == nil || len(config.Differs(*m.baseline)) == 0:
		m.baseline, m.changedAt = &config, time.Time{}
	case m.changedAt.IsZero():
		m.changedAt = e.At
	case e.At.Sub(m.changedAt) >= baselineHolds:
		m.baseline, m.changedAt = &config, time.Time{}
	}
}

// fingerprintOf is equal for two runs that saw the same: which tokens they used, what the
// mount has stored as far as it was ever read, and the
// state, class, status and the text's kind of every question that both ends were
// asked. What was found out about one token says nothing of the next.
func fingerprintOf(e evidence.Evidence) string {
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

// textKind strips what varies from one run to the next: numbers, and what stands
// in quotes.
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

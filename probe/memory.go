package probe

import (
	"fmt"
	"strings"
	"time"
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

// Memory is what one target's next run may know of the last. The zero value is
// that of a target that was never probed.
type Memory struct {
	runs        int
	reason      Reason
	since       time.Time
	fingerprint string
	followUps   FollowUps

	minted tokensMinted

	mount     Mount // as it was last read
	powers    Fact[ExcessPrivileges]
	baseline  *MountConfig
	changedAt time.Time // when the config first differed from the baseline
}

// tokensMinted are those of one target.
type tokensMinted struct{ canary, reviewer minted }

// stillGood leaves out the tokens that the run found dead, so that the next mints
// anew.
func (m tokensMinted) stillGood(e Evidence) tokensMinted {
	if e.Review.refusedWith(401) {
		m.reviewer = minted{}
	}
	if e.Review.Ok() && !e.Review.Value.Placeholder && !e.Review.Value.Authenticated {
		m.canary = minted{}
	}
	return m
}

// minted is a token that the exporter minted itself, reused for most of its life.
type minted struct {
	token  Secret
	claims Claims
}

// usable reports whether less than 80 % of the token's life has passed.
func (m minted) usable(now time.Time) bool {
	life := m.claims.Expires.Sub(issued(m.claims))
	return !m.token.IsZero() && m.claims.Expires.Sub(now) > life/5
}

// mountDue reports whether this run should read the mount: the first, every tenth,
// and after pods began or ceased to be able to log in. It does not copy the memory,
// of which minting changes other parts meanwhile.
func (m *Memory) mountDue(loggedIn bool) bool {
	return m.runs%mountEvery == 0 || loggedIn != (m.reason == None)
}

// followUpsFor returns the remembered follow-ups if they still hold: the run saw
// exactly what the last one saw, and not too long ago.
func (m Memory) followUpsFor(e Evidence) (FollowUps, bool) {
	holds := m.fingerprint == e.fingerprint() && !m.followUps.At.IsZero() && e.At.Sub(m.followUps.At) < followUpsHold
	return m.followUps, holds
}

// remember returns the memory for the next run, and since when its reason holds.
func (m Memory) remember(e Evidence, reason Reason) (Memory, time.Time) {
	if m.reason != reason {
		m.reason, m.since = reason, e.At
	}
	m.runs++
	m.fingerprint, m.followUps = e.fingerprint(), e.FollowUps
	if e.Mount.Config.Ok() {
		m.mount = e.Mount
		m.rebase(e)
	}
	if e.ExcessPrivileges.State != NotAsked {
		m.powers = e.ExcessPrivileges
	}
	return m, m.since
}

// rebase keeps the config that later ones are held against.
func (m *Memory) rebase(e Evidence) {
	config := e.Mount.Config.Value
	switch {
	case m.baseline == nil || len(config.differs(*m.baseline)) == 0:
		m.baseline, m.changedAt = &config, time.Time{}
	case m.changedAt.IsZero():
		m.changedAt = e.At
	case e.At.Sub(m.changedAt) >= baselineHolds:
		m.baseline, m.changedAt = &config, time.Time{}
	}
}

// fingerprint tells whether two runs saw the same: which tokens they used, and the
// state, class, status and the text's kind of every question that both ends were
// asked. What was found out about one token says nothing of the next.
func (e Evidence) fingerprint() string {
	var b strings.Builder
	print := func(state State, f Failure) {
		fmt.Fprintf(&b, "%d/%s/%d/%s;", state, f.Class, f.Status, textKind(f.Text))
	}
	print(e.CanaryToken.State, e.CanaryToken.Failure)
	print(e.ReviewerToken.State, e.ReviewerToken.Failure)
	print(e.Review.State, e.Review.Failure)
	print(e.Access.State, e.Access.Failure)
	print(e.Health.State, e.Health.Failure)
	print(e.Login.State, e.Login.Failure)
	fmt.Fprintf(&b, "%+v;%+v;", e.CanaryToken.Value, e.ReviewerToken.Value)
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

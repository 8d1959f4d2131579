package probe

import (
	"fmt"
	"strings"
	"time"
)

// followUpsHold is how long the answers to follow-ups stand in for asking again,
// while every run sees the same.
const followUpsHold = 10 * time.Minute

// Memory is what one target's next run may know of the last. The zero value is
// that of a target that was never probed.
type Memory struct {
	reason      Reason
	since       time.Time
	fingerprint string
	followUps   FollowUps
}

// followUpsFor returns the remembered follow-ups if they still hold: the run saw
// exactly what the last one saw, and not too long ago.
func (m Memory) followUpsFor(e Evidence) (FollowUps, bool) {
	holds := m.fingerprint == e.fingerprint() && !m.followUps.At.IsZero() && e.At.Sub(m.followUps.At) < followUpsHold
	return m.followUps, holds
}

// remember returns the memory for the next run, and since when its reason holds.
func (m Memory) remember(e Evidence, reason Reason) (Memory, time.Time) {
	since := m.since
	if m.reason != reason {
		since = e.At
	}
	return Memory{reason: reason, since: since, fingerprint: e.fingerprint(), followUps: e.FollowUps}, since
}

// fingerprint tells whether two runs saw the same: state, class, status and the
// text's kind of every question that both ends were asked.
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

package evidence

import (
	"strings"
	"time"
)

// NegativeLogin is a login that Vault must refuse.
type NegativeLogin string

// The logins of the negative canary.
const (
	// ForeignKey has a JWT with the canary's claims, signed by a key of the exporter's own.
	ForeignKey NegativeLogin = "foreign_key"
	// ExpiredJWT has such a JWT that has expired.
	ExpiredJWT NegativeLogin = "expired"
	// WrongAudience has a token of the canary for another audience than the role's, or a forged
	// JWT where the exporter cannot create one. It is made only if the role has an audience.
	WrongAudience NegativeLogin = "wrong_audience"
	// OtherRole has the canary's token, at the diagnostic role.
	OtherRole NegativeLogin = "other_role"
)

// NegativeCanary is what Vault answered to the logins of the negative canary. Answers of an
// earlier run have [Fact].Carried set.
type NegativeCanary struct{ ForeignKey, ExpiredJWT, WrongAudience, OtherRole Fact[Refusal] }

// answers returns the answer to each login.
func (n *NegativeCanary) answers() []negativeAnswer {
	return []negativeAnswer{
		{ForeignKey, &n.ForeignKey}, {ExpiredJWT, &n.ExpiredJWT}, {WrongAudience, &n.WrongAudience}, {OtherRole, &n.OtherRole},
	}
}

type negativeAnswer struct {
	login NegativeLogin
	*Fact[Refusal]
}

// Accepted lists the logins that got a token.
func (n NegativeCanary) Accepted() []NegativeLogin {
	var accepted []NegativeLogin
	for _, a := range n.answers() {
		if Accepted(*a.Fact) {
			accepted = append(accepted, a.login)
		}
	}
	return accepted
}

// Refused reports whether Vault refused every login that it answered. known is false if it
// answered none.
func (n NegativeCanary) Refused() (refused, known bool) {
	for _, a := range n.answers() {
		known = known || settled(*a.Fact)
	}
	return known && len(n.Accepted()) == 0, known
}

// Complete reports whether every login that was made is settled.
func (n NegativeCanary) Complete() bool {
	for _, a := range n.answers() {
		if a.State != NotAsked && !settled(*a.Fact) {
			return false
		}
	}
	return true
}

// settled reports whether the answer shows whether Vault issues a token: it did, or it refused
// the login itself. A Vault that is overloaded or broken shows nothing.
func settled(f Fact[Refusal]) bool {
	return Accepted(f) || f.Ok() && f.Value.Status/100 == 4 && f.Value.Status != 429
}

// After returns the answers with those that a later round got in place of them. An answer that
// settles nothing replaces none that does.
func (n NegativeCanary) After(later NegativeCanary) NegativeCanary {
	for i, a := range n.answers() {
		if now := later.answers()[i]; now.State != NotAsked && (settled(*now.Fact) || !settled(*a.Fact)) {
			*a.Fact = *now.Fact
		}
	}
	return n
}

// Carry returns the answers for a run that does not ask again. An answer of longer ago than
// limit is dropped, unless the login got a token.
func (n NegativeCanary) Carry(now time.Time, limit time.Duration) NegativeCanary {
	for _, a := range n.answers() {
		switch {
		case a.State == NotAsked:
		case now.Sub(a.At) > limit && !Accepted(*a.Fact):
			*a.Fact = Fact[Refusal]{}
		default:
			a.Carried = true
		}
	}
	return n
}

// step reports the logins as one step; none if there were none.
func (n NegativeCanary) step() (s Step, made bool) {
	s = Step{Name: "negative_canary", State: StepSkipped}
	var words []string
	for _, a := range n.answers() {
		if a.State == NotAsked {
			continue
		}
		outcome := "refused"
		switch {
		case Accepted(*a.Fact):
			outcome = "got a token"
		case !settled(*a.Fact):
			outcome = "no answer"
		}
		words = append(words, string(a.login)+" "+outcome)
		if !a.Carried {
			s.Elapsed = max(s.Elapsed, a.Elapsed)
			s.State = StepOK
		}
	}
	if s.State == StepOK && (len(n.Accepted()) > 0 || !n.Complete()) {
		s.State = StepFailed
	}
	s.Detail = strings.Join(words, ", ")
	if s.State == StepSkipped {
		s.Detail = "as answered earlier: " + s.Detail
	}
	return s, words != nil
}

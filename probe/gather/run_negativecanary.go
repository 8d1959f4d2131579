package gather

import (
	"context"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

const (
	// negativeValidFor is how many intervals of the negative canary a refusal counts.
	negativeValidFor = 3
	// negativeRetry is the pause after a round in which not every login was answered, unless the
	// interval is shorter.
	negativeRetry = 10 * time.Minute
	// foreignAudience is an audience that no role has.
	foreignAudience = "vault-k8s-auth-exporter-negative-canary"
)

// askNegativeCanary makes the logins that Vault must refuse, once in an interval, in a run whose
// canary logged in and no server asked for fewer requests. Each round needs a turn, as
// follow-ups do, but never waits for a later one. If the role can be read, the run has read it:
// a role whose audience was just removed must not look like a mount that accepts any.
func (r *run) askNegativeCanary(ctx context.Context) {
	e, settings := r.evidence, r.target.NegativeCanary
	if !settings.Enabled {
		return
	}
	e.NegativeCanary, r.negativeDue = r.memory.negative.Carry(e.At, negativeValidFor*settings.Interval), r.memory.negativeDue
	if !r.negativeCanaryIsDue() || e.AsksForBackoff() || e.Mount.Role.Ok() && !e.Mount.At.Equal(e.At) || ctx.Err() != nil ||
		!r.gatherer.limiter.waitBriefly(ctx, r.target.Vault.Addr) {
		return
	}
	round := r.negativeLogins(ctx)
	e.NegativeCanary = e.NegativeCanary.After(round)
	r.negativeDue = e.At.Add(settings.Interval)
	if !round.Complete() {
		r.negativeDue = e.At.Add(min(settings.Interval, negativeRetry))
	}
}

// negativeCanaryIsDue reports whether this run should make its logins, and before them read the
// mount.
func (r *run) negativeCanaryIsDue() bool {
	return r.target.NegativeCanary.Enabled && r.evidence.Login.Ok() && !r.evidence.At.Before(r.memory.negativeDue)
}

// negativeLogins makes one round of logins, at the node at which the canary logged in.
func (r *run) negativeLogins(ctx context.Context) evidence.NegativeCanary {
	e, own := r.evidence, r.target.Vault
	claims := e.CanaryToken.Value
	begin, end := e.At.Add(-10*time.Minute), e.At.Add(time.Hour) // Vault's clock may be behind
	var round evidence.NegativeCanary
	refused := func(role, jwt string) evidence.Fact[evidence.Refusal] {
		return observe(func() (evidence.Refusal, error) { return r.refusedLoginAt(ctx, r.issued.server, role, jwt) })
	}
	work := []func(){
		func() { round.ForeignKey = refused(own.Role, forgeSigned(claims, begin, end)) },
		func() {
			round.ExpiredJWT = refused(own.Role, forgeSigned(claims, begin.AddDate(0, 0, -1), end.AddDate(0, 0, -1)))
		},
	}
	if e.Mount.Role.Ok() && e.Mount.Role.Value.Audience != "" {
		work = append(work, func() {
			if jwt, ok := r.tokenForForeignAudience(ctx, begin, end); ok {
				round.WrongAudience = refused(own.Role, jwt)
			}
		})
	}
	if own.DiagnosticRole != "" && own.DiagnosticRole != own.Role {
		work = append(work, func() { round.OtherRole = refused(own.DiagnosticRole, r.canary.Reveal()) })
	}
	r.together(work...)
	return round
}

// tokenForForeignAudience returns a token of the canary that the exporter creates or, where it
// has the canary's token from elsewhere, a forged one.
func (r *run) tokenForForeignAudience(ctx context.Context, begin, end time.Time) (jwt string, ok bool) {
	if r.target.Canary.Source != evidence.SourceServiceAccount {
		claims := r.evidence.CanaryToken.Value
		claims.Audiences = []string{foreignAudience}
		return forgeSigned(claims, begin, end), true
	}
	own, err := r.asOwn()
	if err != nil {
		return "", false
	}
	token, err := own.mint(ctx, r.target.Canary.ServiceAccount, []string{foreignAudience})
	r.redactor.Hold(token.Reveal())
	return token.Reveal(), err == nil
}

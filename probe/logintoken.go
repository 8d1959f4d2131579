package probe

import (
	"context"
	"time"
)

// Budgets of what a run does after it has gathered its evidence.
const (
	followUpBudget = 5 * time.Second
	revokeBudget   = 2 * time.Second
	// lateBudget is how long a login unanswered at the deadline is listened to.
	lateBudget = 20 * time.Second
	// closeBudget is how long it is listened to once the process ends.
	closeBudget = 2 * time.Second
)

// TokenEvent is what became of a Vault token that a login brought.
type TokenEvent string

// The fates. A token is issued first; a batch token's story ends there.
const (
	IssuedService TokenEvent = "issued_service"
	IssuedBatch   TokenEvent = "issued_batch"
	Revoked       TokenEvent = "revoked"
	// RevokeFailed: the token lives until its TTL ends.
	RevokeFailed TokenEvent = "revoke_failed"
	// Unaccounted: a login was sent and its answer never came; if it brought a
	// token, that lives until its TTL ends.
	Unaccounted TokenEvent = "unaccounted"
)

// login logs the canary in. Where no answer has come at the deadline the run goes
// on without it, and the answer is awaited outside the run, only to revoke what it
// brings.
func (r *run) login(ctx context.Context, standby func() bool) (Login, error) {
	type outcome struct {
		answer loginAnswer
		err    error
	}
	server, answered := r.vault, make(chan outcome)
	listening, stop := r.listen(ctx)
	listening, x := newRequestTrace(listening)
	r.prober.late.Go(func() {
		defer stop()
		r.guard(func() {
			answer, err := server.loginFollowing(listening, x, r.target.Vault.Role, r.canary.Reveal(), standby)
			select {
			case answered <- outcome{answer, err}:
			case <-ctx.Done():
				r.settleLate(answer)
			}
		})
	})
	select {
	case o := <-answered:
		r.token, r.vault = o.answer.token, o.answer.server
		r.countLogin(o.answer)
		return o.answer.Login, o.err
	case <-ctx.Done():
		if !x.sent.Load() {
			stop() // nothing that Vault could answer has left us
		}
		return Login{}, x.timeoutFailure(ctx.Err())
	}
}

// listen returns a context that outlives the run by lateBudget, and the end of the
// process by closeBudget.
func (r *run) listen(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, _ := ctx.Deadline()
	listening, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline.Add(lateBudget))
	unwatch := context.AfterFunc(r.caller, func() { time.AfterFunc(closeBudget, cancel) })
	return listening, func() {
		unwatch()
		cancel()
	}
}

// settleLate takes away what a login brought after its run had ended.
func (r *run) settleLate(answer loginAnswer) {
	r.countLogin(answer)
	r.revokeToken(context.Background(), answer)
	answer.server.endpoint.close()
}

func (r *run) countLogin(answer loginAnswer) {
	switch {
	case answer.unaccounted:
		r.prober.countToken(r.target.Name, Unaccounted)
	case answer.token.IsZero():
	case answer.Type == batch:
		r.prober.countToken(r.target.Name, IssuedBatch)
	default:
		r.prober.countToken(r.target.Name, IssuedService)
	}
}

// revoke ends the login's token on a budget of its own, also where the run's time
// is over or its context canceled.
func (r *run) revoke(ctx context.Context) {
	r.evidence.Revoke = r.revokeToken(context.WithoutCancel(ctx), loginAnswer{Login: r.evidence.Login.Value, token: r.token, server: r.vault})
}

// revokeToken revokes what a login brought, unless that is nothing, or a batch
// token, which needs none.
func (r *run) revokeToken(ctx context.Context, answer loginAnswer) Fact[struct{}] {
	if answer.token.IsZero() || answer.Type == batch {
		return Fact[struct{}]{}
	}
	ctx, cancel := context.WithTimeout(ctx, revokeBudget)
	defer cancel()
	revoked := observe(func() (struct{}, error) { return struct{}{}, answer.server.revoke(ctx, answer.token) })
	if revoked.Ok() {
		r.prober.countToken(r.target.Name, Revoked)
	} else {
		r.prober.countToken(r.target.Name, RevokeFailed)
	}
	return revoked
}

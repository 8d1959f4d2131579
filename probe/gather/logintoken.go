package gather

import (
	"context"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

const (
	// lateBudget is how long a login unanswered at the deadline is listened to.
	lateBudget = 20 * time.Second
	// closeBudget is how long it is listened to once the process ends.
	closeBudget = 2 * time.Second
)

// login logs the canary in. Where no answer has come at the deadline the run goes
// on without it, and the answer is awaited outside the run, only to revoke what it
// brings.
func (r *run) login(ctx context.Context, standby func() bool) (evidence.Login, error) {
	type outcome struct {
		answer loginAnswer
		err    error
	}
	server, answered := r.vault, make(chan outcome)
	listening, stop := r.listen(ctx)
	listening, x := newRequestTrace(listening)
	r.gatherer.late.Go(func() {
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
		r.token, r.issuer = o.answer.token, o.answer.server
		r.countLogin(o.answer)
		return o.answer.Login, o.err
	case <-ctx.Done():
		if !x.sent.Load() {
			stop() // nothing that Vault could answer has left us
		}
		return evidence.Login{}, x.timeoutFailure(ctx.Err())
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
		r.gatherer.countToken(r.target.Name, evidence.Unaccounted)
	case answer.token.IsZero():
	case answer.Type == evidence.BatchToken:
		r.gatherer.countToken(r.target.Name, evidence.IssuedBatch)
	default:
		r.gatherer.countToken(r.target.Name, evidence.IssuedService)
	}
}

// revoke ends the login's token on a budget of its own, also where the run's time
// is over or its context canceled.
func (r *run) revoke(ctx context.Context) {
	r.evidence.Revoke = r.revokeToken(context.WithoutCancel(ctx), loginAnswer{Login: r.evidence.Login.Value, token: r.token, server: r.issuer})
}

// revokeToken revokes what a login brought, unless that is nothing, or a batch
// token, which needs none.
func (r *run) revokeToken(ctx context.Context, answer loginAnswer) evidence.Fact[struct{}] {
	if answer.token.IsZero() || answer.Type == evidence.BatchToken {
		return evidence.Fact[struct{}]{}
	}
	ctx, cancel := context.WithTimeout(ctx, evidence.RevokeBudget)
	defer cancel()
	revoked := observe(func() (struct{}, error) { return struct{}{}, answer.server.revoke(ctx, answer.token) })
	if revoked.Ok() {
		r.gatherer.countToken(r.target.Name, evidence.Revoked)
	} else {
		r.gatherer.countToken(r.target.Name, evidence.RevokeFailed)
	}
	return revoked
}

package gather

import (
	"context"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

const (
	// lateBudget is how long after its deadline a login may still get a response.
	lateBudget = 20 * time.Second
	// closeBudget is the same limit once the run's context is canceled.
	closeBudget = 2 * time.Second
)

// login logs the canary in. If there is no response at the deadline, the run continues
// without it, and a goroutine outlives the run to revoke the token of a late response.
func (r *run) login(ctx context.Context, standby func() bool) (evidence.Login, error) {
	type outcome struct {
		answer *loginAnswer
		err    error
	}
	server, answered := r.vault, make(chan outcome)
	listening, stop := r.listen(ctx)
	listening, x := newRequestTrace(listening)
	server.endpoint.hold()
	r.gatherer.late.Go(func() {
		defer server.endpoint.close()
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
		r.issued = *o.answer
		r.countLogin(o.answer)
		return o.answer.Login, o.err
	case <-ctx.Done():
		if !x.handed.Load() {
			stop() // the server does not have the request, so no token can be issued for it
		}
		return evidence.Login{}, x.timeoutFailure(ctx.Err())
	}
}

// listen returns a context that ends lateBudget after the deadline of ctx, or closeBudget
// after the run's own context is canceled, whichever is first.
func (r *run) listen(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, _ := ctx.Deadline()
	listening, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline.Add(lateBudget))
	unwatch := context.AfterFunc(r.caller, func() { time.AfterFunc(closeBudget, cancel) })
	return listening, func() {
		unwatch()
		cancel()
	}
}

// settleLate counts and revokes a token that was received after its run had ended.
func (r *run) settleLate(answer *loginAnswer) {
	r.countLogin(answer)
	r.revokeToken(context.Background(), answer)
}

func (r *run) countLogin(answer *loginAnswer) {
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

// revoke revokes the login's token. It has RevokeBudget for that, even if the run's timeout
// has passed or its context is canceled.
func (r *run) revoke(ctx context.Context) {
	r.evidence.Revoke = r.revokeToken(context.WithoutCancel(ctx), &r.issued)
}

// revokeToken revokes the token of a login and counts the outcome. It does nothing if there
// is no token or a batch token, which cannot be revoked.
func (r *run) revokeToken(ctx context.Context, answer *loginAnswer) evidence.Fact[struct{}] {
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

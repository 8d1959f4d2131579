package gather

import (
	"context"
	"errors"
	"sync"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// followUp makes the additional requests that distinguish the causes of a failure. None of
// them should return a token. While every run observes the same failure, results are
// carried over, except those that decide the verdict: these requests are made on every
// run.
func (r *run) followUp(ctx context.Context) {
	e := &r.evidence
	if !r.target.FollowUps || ctx.Err() != nil || e.AsksForBackoff() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, evidence.FollowUpBudget)
	defer cancel()
	if e.BareRefusal() && r.target.Reviewer.Source.Spec().AccessReview {
		r.reviewCanary(ctx)
	}
	e.FollowUps = r.memory.followUpsFor(*e)
	if !r.own.IsZero() && e.ReviewerUnexplained() {
		r.reviewReviewer(ctx)
	}
	if e.BareRefusal() {
		r.followUpLogin(ctx)
	}
}

// reviewCanary creates a TokenReview of the canary's token with the exporter's own
// identity, for the source accessreview, which has no reviewer token. A failure is not
// recorded: it would say nothing about the target.
func (r *run) reviewCanary(ctx context.Context) {
	review := observe(func() (evidence.Review, error) {
		own, err := r.asOwn()
		if err != nil {
			return evidence.Review{}, err
		}
		return own.review(ctx, r.canary, r.evidence.CanaryToken.Value.Audiences)
	})
	if review.Ok() {
		r.evidence.Review = review
	}
}

// followUpLogin queries Vault. It probes the mount first: if there is none, the other
// requests would get the same response.
func (r *run) followUpLogin(ctx context.Context) {
	e := &r.evidence
	hasTurn := sync.OnceValue(func() bool { return r.waitForTurn(ctx) })
	answer := r.gatherer.mountProbes.ask(ctx, r.target.Vault.MountKey(), func() evidence.Fact[evidence.Refusal] {
		if !hasTurn() {
			return evidence.Fact[evidence.Refusal]{}
		}
		return r.probeMount(ctx)
	})
	if answer.State != evidence.NotAsked {
		e.FollowUps.MountProbe = answer
	}
	if !e.MountExists() {
		return
	}
	var work []func()
	if f := e.FollowUps.RoleProbe; f.State == evidence.NotAsked || !e.RoleProbePassed() {
		work = append(work, func() { r.probeRole(ctx) })
	}
	if r.target.Vault.DiagnosticRole != "" {
		work = append(work, func() { r.askDiagnosticRole(ctx) })
	}
	if len(work) > 0 && hasTurn() {
		r.together(work...)
	}
}

// waitForTurn waits for the target's turn at its Vault. If that is too late for this run,
// it returns false and records the turn as postponed.
func (r *run) waitForTurn(ctx context.Context) bool {
	turn, ok := r.gatherer.limiter.wait(ctx, r.target.Vault.Addr, r.target.Name)
	if !ok {
		r.evidence.FollowUps.Postponed = turn
	}
	return ok
}

// asked records that this run made a follow-up.
func (r *run) asked(step string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.evidence.FollowUps.Asked = append(r.evidence.FollowUps.Asked, step)
}

func (r *run) probeMount(ctx context.Context) evidence.Fact[evidence.Refusal] {
	r.asked("mount_probe")
	return observe(func() (evidence.Refusal, error) {
		return r.refusedLogin(ctx, evidence.ProbeRole, notAToken)
	})
}

func (r *run) probeRole(ctx context.Context) {
	r.asked("role_probe")
	forged := forge(r.evidence.CanaryToken.Value)
	r.evidence.FollowUps.RoleProbe = observe(func() (evidence.Refusal, error) {
		return r.refusedLogin(ctx, r.target.Vault.Role, forged)
	})
}

// askDiagnosticRole makes Vault itself call Kubernetes, and checks the permissions of the
// user that Vault's error then names.
func (r *run) askDiagnosticRole(ctx context.Context) {
	r.asked("diagnostic_role")
	f := &r.evidence.FollowUps
	f.DiagnosticAccess = evidence.Fact[evidence.Access]{}
	f.DiagnosticRole = observe(func() (evidence.Refusal, error) {
		return r.refusedLogin(ctx, r.target.Vault.DiagnosticRole, r.canary.Reveal())
	})
	who := evidence.NamedUser(f.DiagnosticRole.Value.Text)
	identity := r.asReviewer
	if r.target.Reviewer.Source.Spec().AccessReview {
		identity = r.asOwn // there is no reviewer token, and this one may create access reviews
	} else if !r.evidence.Review.Ok() {
		return
	}
	if !f.DiagnosticRole.Ok() || who == "" {
		return
	}
	r.asked("diagnostic_access")
	f.DiagnosticAccess = observe(func() (evidence.Access, error) {
		client, err := identity()
		if err != nil {
			return evidence.Access{}, err
		}
		return client.accessOfOther(ctx, who)
	})
}

// reviewReviewer creates a TokenReview of the reviewer's token with the exporter's own
// identity. Its error may name the cause that a 401 does not.
func (r *run) reviewReviewer(ctx context.Context) {
	r.asked("reviewer_review")
	r.evidence.FollowUps.ReviewerReview = observe(func() (evidence.Review, error) {
		own, err := r.asOwn()
		if err != nil {
			return evidence.Review{}, err
		}
		return own.review(ctx, r.reviewer, nil)
	})
}

// refusedLogin makes a login that is expected to be rejected, and returns the rejection. If
// it succeeds anyway, the token is counted and revoked.
func (r *run) refusedLogin(ctx context.Context, role, jwt string) (evidence.Refusal, error) {
	ctx, x := newRequestTrace(ctx)
	answer, err := r.vault.login(ctx, x, role, jwt)
	if err == nil {
		r.countLogin(answer)
		r.revokeToken(context.WithoutCancel(ctx), answer)
		return evidence.Refusal{}, evidence.Failure{Class: evidence.ClassBadResponse, Status: x.status, Text: "a login that should have been rejected succeeded"}
	}
	refusal, refused := errors.AsType[evidence.Failure](err)
	if !refused || refusal.Class != evidence.ClassRefused {
		return evidence.Refusal{}, err
	}
	return evidence.Refusal{Status: refusal.Status, Text: refusal.Text}, nil
}

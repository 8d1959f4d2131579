package gather

import (
	"context"
	"errors"
	"sync"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// followUp asks what tells the causes of a failure apart. None of these questions can
// return a token. While every run sees the same, answers are carried over, except
// those that decide the verdict: they are asked again on every run.
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
	e.FollowUps = r.notes.followUpsFor(*e)
	if !r.own.IsZero() && e.ReviewerUnexplained() {
		r.reviewReviewer(ctx)
	}
	if e.BareRefusal() {
		r.followUpLogin(ctx)
	}
}

// reviewCanary has the canary's token reviewed by the exporter's own identity, where that
// may create TokenReviews and no reviewer's token is at hand. That it may not is no fact
// about the target.
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

// followUpLogin asks Vault, at the mount first: where there is none, the other
// questions would bring the same answer.
func (r *run) followUpLogin(ctx context.Context) {
	e := &r.evidence
	hasTurn := sync.OnceValue(func() bool { return r.waitForTurn(ctx) })
	answer := r.gatherer.shared.ask(ctx, r.target.Vault.MountKey(), func() evidence.Fact[evidence.Refusal] {
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

// waitForTurn waits until the target may ask this Vault, or notes when it may.
func (r *run) waitForTurn(ctx context.Context) bool {
	turn, ok := r.gatherer.limiter.wait(ctx, r.target.Vault.Addr, r.target.Name)
	if !ok {
		r.evidence.FollowUps.Postponed = turn
	}
	return ok
}

// asked notes a question of this run.
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

// askDiagnosticRole has Vault itself call Kubernetes, and asks what the identity that it
// then names may do.
func (r *run) askDiagnosticRole(ctx context.Context) {
	r.asked("diagnostic_role")
	f := &r.evidence.FollowUps
	f.DiagnosticAccess = evidence.Fact[evidence.Access]{}
	f.DiagnosticRole = observe(func() (evidence.Refusal, error) {
		return r.refusedLogin(ctx, r.target.Vault.DiagnosticRole, r.canary.Reveal())
	})
	who := evidence.NamedUser(f.DiagnosticRole.Value.Text)
	asker := r.asReviewer
	if r.target.Reviewer.Source.Spec().AccessReview {
		asker = r.asOwn // which may, and holds no reviewer token
	} else if !r.evidence.Review.Ok() {
		return
	}
	if !f.DiagnosticRole.Ok() || who == "" {
		return
	}
	r.asked("diagnostic_access")
	f.DiagnosticAccess = observe(func() (evidence.Access, error) {
		caller, err := asker()
		if err != nil {
			return evidence.Access{}, err
		}
		return caller.accessOfOther(ctx, who)
	})
}

// reviewReviewer has the reviewer's token reviewed by the exporter's own identity,
// which may be told what a 401 hides.
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

// refusedLogin makes a login that is meant to bring no token. The refusal is the
// answer. A token that comes all the same is revoked.
func (r *run) refusedLogin(ctx context.Context, role, jwt string) (evidence.Refusal, error) {
	ctx, x := newRequestTrace(ctx)
	answer, err := r.vault.login(ctx, x, role, jwt)
	if err == nil {
		r.countLogin(answer)
		r.revokeToken(context.WithoutCancel(ctx), answer)
		return evidence.Refusal{}, evidence.Failure{Class: evidence.ClassBadResponse, Status: x.status, Text: "a login that should be refused was accepted"}
	}
	refusal, refused := errors.AsType[evidence.Failure](err)
	if !refused || refusal.Class != evidence.ClassRefused {
		return evidence.Refusal{}, err
	}
	return evidence.Refusal{Status: refusal.Status, Text: refusal.Text}, nil
}

package gather

import (
	"context"
	"errors"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// followUp asks what tells the causes of a failure apart, unless the last run saw
// the same and its answers still hold. None of these questions can bring a token.
func (r *run) followUp(ctx context.Context) {
	e := &r.evidence
	wanted := r.wantedFollowUps()
	if len(wanted) == 0 || !r.target.FollowUps || ctx.Err() != nil || e.AsksForBackoff() {
		return
	}
	if carried, holds := r.notes.followUpsFor(*e); holds {
		e.FollowUps = carried
		return
	}
	ctx, cancel := context.WithTimeout(ctx, evidence.FollowUpBudget)
	defer cancel()
	if !r.gatherer.pace.wait(ctx, r.target.Vault.Addr) {
		return
	}
	e.FollowUps.At = e.At
	work := make([]func(), 0, len(wanted))
	for _, ask := range wanted {
		work = append(work, func() { ask(ctx) })
	}
	r.together(work...)
}

// wantedFollowUps lists the questions whose answer would tell more than the run has
// seen.
func (r *run) wantedFollowUps() []func(context.Context) {
	e := &r.evidence
	var wanted []func(context.Context)
	if e.BareRefusal() {
		wanted = append(wanted, r.probeMount, r.probeRole)
		if r.target.Vault.DiagnosticRole != "" {
			wanted = append(wanted, r.askDiagnosticRole)
		}
	}
	if !r.own.IsZero() && e.ReviewerUnexplained() {
		wanted = append(wanted, r.reviewReviewer)
	}
	return wanted
}

func (r *run) probeMount(ctx context.Context) {
	r.evidence.FollowUps.MountProbe = observe(func() (evidence.Refusal, error) {
		return r.refusedLogin(ctx, evidence.ProbeRole, notAToken)
	})
}

func (r *run) probeRole(ctx context.Context) {
	forged := forge(r.evidence.CanaryToken.Value)
	r.evidence.FollowUps.RoleProbe = observe(func() (evidence.Refusal, error) {
		return r.refusedLogin(ctx, r.target.Vault.Role, forged)
	})
}

// askDiagnosticRole has Vault itself call Kubernetes, and asks what the identity that it
// then names may do.
func (r *run) askDiagnosticRole(ctx context.Context) {
	f := &r.evidence.FollowUps
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

package gather

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// followUp makes the requests after the login, all in one budget.
func (r *run) followUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, evidence.FollowUpBudget)
	defer cancel()
	r.distinguish(ctx)
	r.askNegativeCanary(ctx)
}

// distinguish makes the additional requests that distinguish the causes of a failure. None of
// them should return a token. While every run observes the same failure, results are
// carried over for runs that get no turn, except those that decide the verdict: these
// requests are made on every run.
func (r *run) distinguish(ctx context.Context) {
	e := r.evidence
	if !r.target.FollowUps || ctx.Err() != nil || e.VaultAsksForBackoff() {
		return
	}
	if e.BareRefusal() && r.target.Reviewer.Source.Spec().AccessReview && !e.KubernetesAsksForBackoff() {
		r.reviewCanary(ctx)
	}
	e.FollowUps = r.memory.followUpsFor(e)
	if !r.own.IsZero() && e.ReviewerUnexplained() {
		r.reviewReviewer(ctx)
	}
	if e.BareRefusal() || e.OnlyLoginTimedOut() {
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
// requests would get the same response. A run that has a turn, or can have one soon, makes
// every request: one failure can replace another without a run that sees a difference.
func (r *run) followUpLogin(ctx context.Context) {
	e := r.evidence
	tookTurn, hasTurn := false, sync.OnceValue(func() bool { return r.waitForTurn(ctx) })
	answer := r.gatherer.mountProbes.ask(ctx, r.target.Vault.MountKey(), func() mountAnswer {
		if tookTurn = hasTurn(); !tookTurn {
			return mountAnswer{}
		}
		return r.probeMount(ctx)
	})
	if answer.probe.State != evidence.NotAsked {
		e.FollowUps.MountProbe, e.FollowUps.MountHelp = answer.probe, answer.help
	}
	if !e.MountExists() {
		return
	}
	if len(r.followUpsAtMount(ctx, false)) > 0 {
		tookTurn = hasTurn()
	} else if !tookTurn {
		tookTurn = r.gatherer.limiter.waitBriefly(ctx, r.target.Vault.Addr)
	}
	if tookTurn {
		r.together(r.followUpsAtMount(ctx, true)...)
	}
}

// followUpsAtMount returns the requests that an existing mount is sent, with those whose
// carried results rule a cause out if again is set. While the API server asks for fewer
// requests, Vault gets none that it would pass on.
func (r *run) followUpsAtMount(ctx context.Context, again bool) (work []func()) {
	e, passes := r.evidence, !r.evidence.KubernetesAsksForBackoff()
	if (again || !e.RoleProbePassed()) && (passes || !e.RoleProbeIsBlind()) {
		work = append(work, func() { r.probeRole(ctx) })
	}
	if r.target.Vault.DiagnosticRole != "" && passes {
		work = append(work, func() { r.askDiagnosticRole(ctx) })
	}
	if tells := r.target.Vault.DiagnosticRole != "" && !r.target.Reviewer.Source.Spec().SelfReview; !tells && passes && e.LoginHangs() {
		work = append(work, func() { r.probeCall(ctx) })
	}
	if n := e.FollowUps.Entity; e.BareRefusal() && !r.reader.IsZero() && e.Mount.Accessor != "" && (again || n.State == evidence.NotAsked || n.Value.Disabled) {
		work = append(work, func() { r.askEntity(ctx) })
	}
	return work
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

// probeMount makes the mount probe. If its answer does not show whether anything is mounted,
// it also asks for the help of the path at which other auth methods log in.
func (r *run) probeMount(ctx context.Context) mountAnswer {
	r.asked("mount_probe")
	answer := mountAnswer{probe: observe(func() (evidence.Refusal, error) {
		return r.refusedLogin(ctx, evidence.ProbeRole, notAToken)
	})}
	if answer.probe.Value.IsBare403() {
		r.asked("mount_help")
		answer.help = observe(func() (evidence.Refusal, error) {
			return r.vault.help(ctx, r.target.Vault.LoginPath()+"/"+evidence.ProbeRole)
		})
	}
	return answer
}

// askEntity looks up the canary's identity entity, with the Vault token in the token file.
func (r *run) askEntity(ctx context.Context) {
	r.asked("entity")
	e := r.evidence
	r.evidence.FollowUps.Entity = observe(func() (evidence.Entity, error) {
		return r.vault.readEntity(ctx, r.reader, e.CanaryToken.Value.Alias(e.Mount.Role.Value), e.Mount.Accessor)
	})
}

func (r *run) probeRole(ctx context.Context) {
	r.asked("role_probe")
	forged := forgeExpired(r.evidence.CanaryToken.Value)
	r.evidence.FollowUps.RoleProbe = observe(func() (evidence.Refusal, error) {
		return r.refusedLogin(ctx, r.target.Vault.Role, forged)
	})
}

// probeCall makes a login that the API server refuses, because of the JWT's signature, so
// that Vault does nothing more for it than to call the API server.
func (r *run) probeCall(ctx context.Context) {
	r.asked("call_probe")
	forged := forge(r.evidence.CanaryToken.Value, r.evidence.At, r.evidence.At.Add(time.Hour))
	r.evidence.FollowUps.CallProbe = observe(func() (evidence.Refusal, error) {
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
	return r.refusedLoginAt(ctx, r.vault, role, jwt)
}

// refusedLoginAt is refusedLogin at a node that may not be the one that the target names.
func (r *run) refusedLoginAt(ctx context.Context, server *vaultServer, role, jwt string) (evidence.Refusal, error) {
	ctx, x := newRequestTrace(ctx)
	answer, err := server.login(ctx, x, role, jwt)
	if err == nil {
		r.countLogin(answer)
		r.revokeToken(context.WithoutCancel(ctx), answer)
		return evidence.Refusal{}, evidence.Failure{Class: evidence.ClassBadResponse, Status: x.status, Text: evidence.TextAccepted}
	}
	return refusalOf(err)
}

// refusalOf returns Vault's own error as an answer, and any other as an error.
func refusalOf(err error) (evidence.Refusal, error) {
	refusal, refused := errors.AsType[evidence.Failure](err)
	if !refused || refusal.Class != evidence.ClassRefused {
		return evidence.Refusal{}, err
	}
	return evidence.Refusal{Status: refusal.Status, Text: refusal.Text, RetryAfter: refusal.RetryAfter}, nil
}

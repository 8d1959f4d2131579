package probe

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// run is one run's state. Each fact is written by one goroutine.
type run struct {
	prober *Prober
	caller context.Context // canceled only where the process ends
	target Target

	kubernetes *kubernetesServer
	vault      *vaultServer

	canary, reviewer Secret
	token            Secret // what the login brought

	mu       sync.Mutex // guards evidence.Panic
	evidence Evidence
}

// guard turns a panic into evidence. A run that panicked has no other verdict.
func (r *run) guard(work func()) {
	defer func() {
		if cause := recover(); cause != nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.evidence.Panic = clean(fmt.Sprint(cause))
		}
	}()
	work()
}

// gather asks both ends concurrently under one deadline, so that one that hangs
// does not make the other look so.
func (r *run) gather(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.target.Timeout)
	defer cancel()
	e := &r.evidence
	e.CanaryToken = observe(r.loadCanary)
	e.ReviewerToken = observe(r.loadReviewer)

	var ends sync.WaitGroup
	ends.Go(func() { r.guard(func() { r.askKubernetes(ctx) }) })
	ends.Go(func() { r.guard(func() { r.askVault(ctx) }) })
	ends.Wait()
}

// loadCanary demands a JWT: nothing else can belong to a service account.
func (r *run) loadCanary() (Claims, error) {
	path := r.target.Canary.TokenFile
	token, claims, err := loadToken(path)
	if err == nil && claims.Opaque {
		err = Failure{Class: ClassMalformed, Text: "the token in " + path + " is not a JWT"}
	}
	if err != nil {
		return Claims{}, err
	}
	r.canary = token
	return claims, nil
}

func (r *run) loadReviewer() (claims Claims, err error) {
	r.reviewer, claims, err = loadToken(r.target.Reviewer.TokenFile)
	return claims, err
}

func (r *run) askKubernetes(ctx context.Context) {
	e := &r.evidence
	if r.reviewer.IsZero() {
		return
	}
	server, err := newKubernetesServer(r.target.Kubernetes, r.prober.userAgent)
	if err != nil {
		e.Review = Fact[Review]{State: Failed, Failure: failureOf(err)}
		return
	}
	r.kubernetes = server
	asReviewer, err := server.as(r.reviewer)
	if err != nil {
		e.Review = Fact[Review]{State: Failed, Failure: failureOf(err)}
		return
	}
	var questions sync.WaitGroup
	questions.Go(func() {
		r.guard(func() {
			e.Review = observe(func() (Review, error) {
				return asReviewer.review(ctx, r.canary, e.CanaryToken.Value.Audiences)
			})
		})
	})
	questions.Go(func() {
		r.guard(func() {
			e.Identity = observe(func() (Identity, error) { return asReviewer.identity(ctx) })
			e.Access = observe(func() (Access, error) { return asReviewer.access(ctx) })
		})
	})
	questions.Wait()
}

func (r *run) askVault(ctx context.Context) {
	e := &r.evidence
	server, err := newVaultServer(r.target.Vault, r.prober.userAgent)
	if err != nil {
		e.Health = Fact[Health]{State: Failed, Failure: failureOf(err)}
		return
	}
	r.vault = server
	var questions sync.WaitGroup
	questions.Go(func() {
		r.guard(func() {
			e.Health = observe(func() (Health, error) { return server.health(ctx) })
		})
	})
	if !r.canary.IsZero() {
		questions.Go(func() {
			r.guard(func() {
				e.Login = observe(func() (Login, error) { return r.login(ctx) })
			})
		})
	}
	questions.Wait()
}

// followUp asks what tells the causes of a bare 403 apart, unless the last run
// saw the same and its answers still hold. None of these questions can bring a
// token.
func (r *run) followUp(ctx context.Context, memory Memory) {
	e := &r.evidence
	if !r.target.FollowUps || ctx.Err() != nil || !e.bareRefusal() || e.leaveAlone() {
		return
	}
	if carried, holds := memory.followUpsFor(*e); holds {
		e.FollowUps = carried
		return
	}
	ctx, cancel := context.WithTimeout(ctx, followUpBudget)
	defer cancel()
	e.FollowUps = FollowUps{
		At:         e.At,
		MountProbe: observe(func() (Refusal, error) { return r.vault.probeMount(ctx) }),
	}
}

func (r *run) close() {
	if r.kubernetes != nil {
		r.evidence.KubernetesChain = r.kubernetes.endpoint.served()
		r.kubernetes.endpoint.close()
	}
	if r.vault != nil {
		r.evidence.VaultChain = r.vault.endpoint.served()
		r.vault.endpoint.close()
	}
}

func (r *run) conclude(memory Memory) (Result, Memory) {
	r.mu.Lock()
	evidence := r.evidence
	r.mu.Unlock()
	result := Result{
		Target:    r.target,
		Start:     evidence.At,
		Evidence:  evidence,
		Diagnosis: Diagnose(r.target, evidence),
		Warnings:  warn(r.target, evidence),
	}
	memory, result.Since = memory.remember(evidence, result.Diagnosis.Reason)
	result.Duration = time.Since(result.Start)
	return result, memory
}

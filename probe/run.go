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
	memory Memory

	kubernetes *kubernetesServer
	vault      *vaultServer

	canary, reviewer, own Secret
	token                 Secret // what the login brought

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

// together does guarded work concurrently, and returns when all is done.
func (r *run) together(work ...func()) {
	var all sync.WaitGroup
	for _, one := range work {
		all.Go(func() { r.guard(one) })
	}
	all.Wait()
}

// gather asks both ends concurrently under one deadline, so that one that hangs
// does not make the other look so.
func (r *run) gather(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.target.Timeout)
	defer cancel()
	r.loadTokens()
	r.together(func() { r.askKubernetes(ctx) }, func() { r.askVault(ctx) })
	r.checkMountCA()
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
	reviewer, err := server.as(r.reviewer)
	if err != nil {
		e.Review = Fact[Review]{State: Failed, Failure: failureOf(err)}
		return
	}
	r.together(
		func() {
			e.Review = observe(func() (Review, error) { return reviewer.review(ctx, r.canary, e.CanaryToken.Value.Audiences) })
		},
		func() {
			e.Identity = observe(func() (Identity, error) { return reviewer.identity(ctx) })
			e.Access = observe(func() (Access, error) { return reviewer.access(ctx) })
			e.Powers = r.askPowers(ctx, reviewer)
		},
	)
}

// askPowers asks as seldom as the mount is read: powers change as rarely.
func (r *run) askPowers(ctx context.Context, reviewer caller) Fact[Powers] {
	if r.memory.runs%mountEvery != 0 || !r.evidence.Access.Ok() {
		return r.memory.powers
	}
	return observe(func() (Powers, error) { return reviewer.powers(ctx) })
}

func (r *run) askVault(ctx context.Context) {
	e := &r.evidence
	server, err := newVaultServer(r.target.Vault, r.prober.userAgent)
	if err != nil {
		e.Health = Fact[Health]{State: Failed, Failure: failureOf(err)}
		return
	}
	r.vault = server
	r.together(
		func() { e.Health = observe(func() (Health, error) { return server.health(ctx) }) },
		func() {
			if !r.canary.IsZero() {
				e.Login = observe(func() (Login, error) { return r.login(ctx) })
			}
			r.readMount(ctx)
		},
	)
}

func (r *run) close() {
	if r.kubernetes != nil {
		r.evidence.KubernetesChain = r.kubernetes.endpoint.servedChain()
		r.kubernetes.endpoint.close()
	}
	if r.vault != nil {
		r.evidence.VaultChain = r.vault.endpoint.servedChain()
		r.vault.endpoint.close()
	}
}

func (r *run) conclude() (Result, Memory) {
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
	memory, since := r.memory.remember(evidence, result.Diagnosis.Reason)
	result.Since, result.Duration = since, time.Since(result.Start)
	return result, memory
}

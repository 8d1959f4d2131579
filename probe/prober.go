package probe

import (
	"context"
	"fmt"
	"sync"
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

// Overrun is how far past its timeout a run may last. An interval below timeout
// and Overrun cannot be kept.
const Overrun = followUpBudget + revokeBudget

// Fate is what became of a Vault token that a login brought.
type Fate string

// The fates. A token is issued first; a batch token's story ends there.
const (
	IssuedService Fate = "issued_service"
	IssuedBatch   Fate = "issued_batch"
	Revoked       Fate = "revoked"
	// RevokeFailed: the token lives until its TTL ends.
	RevokeFailed Fate = "revoke_failed"
	// Unaccounted: a login was sent and its answer never came; if it brought a
	// token, that lives until its TTL ends.
	Unaccounted Fate = "unaccounted"
)

// Prober probes targets. It is safe for concurrent use and remembers nothing of
// them: what a target's next run may know is handed in and out as [Memory].
type Prober struct {
	userAgent string
	account   func(target string, fate Fate)

	late    sync.WaitGroup // logins still listened to
	closing chan struct{}
}

// NewProber returns a Prober that introduces itself with this version.
// account is told the fate of every token, also of those that came after their
// run had ended; it must be safe for concurrent use.
func NewProber(version string, account func(target string, fate Fate)) *Prober {
	return &Prober{
		userAgent: "vault-k8s-auth-exporter/" + version,
		account:   account,
		closing:   make(chan struct{}),
	}
}

// Close waits for logins that are still listened to, for at most closeBudget and
// one revocation. No probe may start after it.
func (p *Prober) Close() {
	close(p.closing)
	p.late.Wait()
}

// Drain waits until no login is listened to any more, or the context ends.
func (p *Prober) Drain(ctx context.Context) {
	drained := make(chan struct{})
	go func() {
		p.late.Wait()
		close(drained)
	}()
	select {
	case <-drained:
	case <-ctx.Done():
	}
}

// Probe makes one run. It lasts at most the target's timeout and [Overrun]. It
// returns no error: whatever goes wrong is evidence, a panic included. A run
// whose context was canceled says nothing about the target; its Result is to be
// dropped.
func (p *Prober) Probe(ctx context.Context, target Target, memory Memory) (Result, Memory) {
	run := &run{prober: p, target: target, evidence: Evidence{At: time.Now()}}
	run.guard(func() { run.gather(ctx) })
	run.guard(func() { run.followUp(ctx, memory) })
	run.guard(func() { run.revoke(ctx) })
	run.close()
	return run.conclude(memory)
}

// run is one run's state. Each fact is written by one goroutine.
type run struct {
	prober *Prober
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
	e.CanaryToken = r.load(r.target.Canary.TokenFile, &r.canary)
	e.ReviewerToken = r.load(r.target.Reviewer.TokenFile, &r.reviewer)

	var ends sync.WaitGroup
	ends.Go(func() { r.guard(func() { r.askKubernetes(ctx) }) })
	ends.Go(func() { r.guard(func() { r.askVault(ctx) }) })
	ends.Wait()
}

func (r *run) load(path string, token *Secret) Fact[Claims] {
	return observe(func() (claims Claims, err error) {
		*token, claims, err = loadToken(path)
		return claims, err
	})
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

// login logs the canary in. Where no answer has come at the deadline the run goes
// on without it, and the answer is awaited outside the run, only to revoke what it
// brings.
func (r *run) login(ctx context.Context) (Login, error) {
	type outcome struct {
		answer loginAnswer
		err    error
	}
	answered := make(chan outcome)
	listening, stop := r.prober.listening(ctx)
	r.prober.late.Go(func() {
		defer stop()
		r.guard(func() {
			answer, err := r.vault.login(listening, r.target.Vault.Role, r.canary.Reveal())
			select {
			case answered <- outcome{answer, err}:
			case <-ctx.Done():
				r.settleLate(answer)
			}
		})
	})
	select {
	case o := <-answered:
		r.accountFor(o.answer)
		r.token = o.answer.token
		return o.answer.Login, o.err
	case <-ctx.Done():
		return Login{}, Failure{Class: classOf(ctx.Err()), Text: stageWaiting.silence()}
	}
}

// listening returns a context that outlives a run by lateBudget, and the end of
// the process by closeBudget.
func (p *Prober) listening(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, _ := ctx.Deadline()
	listening, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline.Add(lateBudget))
	go func() {
		select {
		case <-p.closing:
			timer := time.NewTimer(closeBudget)
			defer timer.Stop()
			select {
			case <-timer.C:
				cancel()
			case <-listening.Done():
			}
		case <-listening.Done():
		}
	}()
	return listening, cancel
}

// settleLate takes away what a login brought after its run had ended.
func (r *run) settleLate(answer loginAnswer) {
	r.accountFor(answer)
	if !answer.token.IsZero() && answer.Type != "batch" {
		r.revokeToken(context.Background(), answer.token)
	}
	r.vault.endpoint.close()
}

func (r *run) accountFor(answer loginAnswer) {
	switch {
	case answer.unaccounted:
		r.prober.account(r.target.Name, Unaccounted)
	case answer.token.IsZero():
	case answer.Type == "batch":
		r.prober.account(r.target.Name, IssuedBatch)
	default:
		r.prober.account(r.target.Name, IssuedService)
	}
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

// revoke ends the login's token on a budget of its own, also where the run's time
// is over or its context canceled.
func (r *run) revoke(ctx context.Context) {
	if r.token.IsZero() || r.evidence.Login.Value.Type == "batch" {
		return
	}
	r.evidence.Revoke = r.revokeToken(context.WithoutCancel(ctx), r.token)
}

func (r *run) revokeToken(ctx context.Context, token Secret) Fact[struct{}] {
	ctx, cancel := context.WithTimeout(ctx, revokeBudget)
	defer cancel()
	revoked := observe(func() (struct{}, error) { return struct{}{}, r.vault.revoke(ctx, token) })
	if revoked.Ok() {
		r.prober.account(r.target.Name, Revoked)
	} else {
		r.prober.account(r.target.Name, RevokeFailed)
	}
	return revoked
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
	result := Result{
		Target:    r.target,
		Start:     r.evidence.At,
		Evidence:  r.evidence,
		Diagnosis: Diagnose(r.target, r.evidence),
		Warnings:  warn(r.target, r.evidence),
	}
	memory, result.Since = memory.remember(r.evidence, result.Diagnosis.Reason)
	result.Duration = time.Since(result.Start)
	return result, memory
}

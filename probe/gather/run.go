package gather

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// run is the state of one run. Each fact is written by one goroutine.
type run struct {
	gatherer *Gatherer
	caller   context.Context // canceled only if the process ends or no longer probes the target
	target   *evidence.Target
	memory   *Memory // of the last run; conclude turns it into that for the next run

	kubernetes        *kubernetesServer
	kubernetesFailure error // why kubernetes is nil
	vault             *vaultServer

	minted                tokensMinted    // initially those of the last run
	negativeDue           time.Time       // as [Memory] has it
	canary, reviewer, own evidence.Secret // own is the exporter's own token for the API server
	reader                evidence.Secret // Vault token from the token file
	issued                loginAnswer     // by the login; its server may not be vault, and is sent only the revocation

	redactor *redact.Redactor

	// evidence is not written after the end of the run, while others read it. A login that has no
	// response by then may panic later: evidence.Panic is copied from panicked at the end.
	evidence *evidence.Evidence

	mu       sync.Mutex // guards panicked
	panicked string
}

// guard calls work and records a panic, which decides the verdict of the run.
func (r *run) guard(work func()) {
	defer func() {
		if cause := recover(); cause != nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.panicked = textOf(cause, r.redactor.Clean)
		}
	}()
	work()
}

// textOf returns the text of a panic. One that cannot be cleaned is not shown.
func textOf(cause any, clean func(string) string) (text string) {
	defer func() {
		if recover() != nil {
			text = "a text that cannot be shown"
		}
	}()
	return clean(fmt.Sprint(cause))
}

// together calls the functions concurrently, each under guard, and returns when all have
// returned. The last one keeps the goroutine of the caller, which has nothing else to do.
func (r *run) together(work ...func()) {
	if len(work) == 0 {
		return
	}
	last := len(work) - 1
	var others sync.WaitGroup
	for _, one := range work[:last] {
		others.Go(func() { r.guard(one) })
	}
	r.guard(work[last])
	others.Wait()
}

// gather queries Kubernetes and Vault concurrently under one deadline, so that a server
// that hangs is not mistaken for a failure of the other.
func (r *run) gather(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.target.Timeout)
	defer cancel()
	r.loadOwn()
	r.loadReader()
	r.kubernetes, r.kubernetesFailure = r.connectKubernetes()
	obtain := r.tokens(ctx)
	r.together(
		func() { r.askKubernetes(ctx, obtain) },
		func() { r.askVault(ctx, obtain) },
	)
	r.readClusterKeys(ctx)
	if deadline, limited := ctx.Deadline(); limited {
		r.evidence.Lag = max(0, time.Since(deadline))
	}
	r.checkMountCA()
}

// connectKubernetes refuses a candidate's host that is no https URL, over which a token would
// travel unencrypted. Other hosts were checked with the configuration.
func (r *run) connectKubernetes() (*kubernetesServer, error) {
	u, err := url.Parse(r.target.Kubernetes.Host)
	if r.target.Candidate != nil && (err != nil || u.Scheme != "https" || u.Hostname() == "") {
		return nil, evidence.Failure{Class: evidence.ClassBadResponse, Text: "this is no https URL"}
	}
	return newKubernetesServer(r.target.Kubernetes, r.gatherer.userAgent, r.gatherer.network)
}

func (r *run) askKubernetes(ctx context.Context, obtain tokens) {
	if r.target.Reviewer.Source.Spec().AccessReview {
		r.askAccessOfReviewer(ctx)
		obtain.canary()
		return
	}
	obtain.reviewer()
	obtain.canary()
	if r.reviewer.IsZero() {
		return
	}
	e := r.evidence
	reviewer, err := r.asReviewer()
	if err != nil {
		e.Review = evidence.Fact[evidence.Review]{State: evidence.Failed, Failure: failureOf(err)}
		return
	}
	r.together(
		func() {
			e.Review = observe(func() (evidence.Review, error) { return reviewer.review(ctx, r.canary, e.CanaryToken.Value.Audiences) })
		},
		func() {
			e.Identity = observe(func() (evidence.Identity, error) { return reviewer.identity(ctx) })
			e.Access = observe(func() (evidence.Access, error) { return reviewer.access(ctx) })
			e.Privileges = r.askPrivileges(ctx, reviewer)
		},
	)
}

func (r *run) asReviewer() (caller, error) {
	if r.kubernetesFailure != nil {
		return caller{}, r.kubernetesFailure
	}
	return r.kubernetes.as(r.reviewer)
}

// askAccessOfReviewer queries the reviewer's permissions with the exporter's own identity.
func (r *run) askAccessOfReviewer(ctx context.Context) {
	e, who := r.evidence, r.target.Reviewer.ServiceAccount.Username()
	e.Identity = evidence.Fact[evidence.Identity]{State: evidence.Answered, Value: evidence.Identity{Username: who}}
	e.Access = observe(func() (evidence.Access, error) {
		own, err := r.asOwn()
		if err != nil {
			return evidence.Access{}, err
		}
		return own.accessOfOther(ctx, who)
	})
}

// askPrivileges makes its requests on every tenth run only: privileges rarely change.
func (r *run) askPrivileges(ctx context.Context, reviewer caller) evidence.Fact[evidence.Privileges] {
	if r.memory.runs%mountEvery != 0 || !r.evidence.Access.Ok() {
		return r.memory.privileges
	}
	account, _ := evidence.AccountOf(r.evidence.Identity.Value.Username)
	namespace := cmp.Or(account.Namespace, r.evidence.ReviewerToken.Value.Namespace, "default")
	return observe(func() (evidence.Privileges, error) { return reviewer.privileges(ctx, namespace) })
}

func (r *run) askVault(ctx context.Context, obtain tokens) {
	e := r.evidence
	server, err := newVaultServer(r.target.Vault, r.gatherer.userAgent, r.gatherer.network)
	if err != nil {
		e.Health = evidence.Fact[evidence.Health]{State: evidence.Failed, Failure: failureOf(err)}
		obtain.canary()
		return
	}
	r.vault = server
	if r.target.Candidate != nil {
		obtain.canary()
		r.readMount(ctx)
		return
	}
	isStandby := false // apart from the evidence, since a login may ask after the end of the run
	health := sync.OnceFunc(func() {
		e.Health = observe(func() (evidence.Health, error) { return server.health(ctx) })
		isStandby = e.Health.Ok() && e.Health.Value.Standby
	})
	standby := func() bool {
		health()
		return isStandby
	}
	r.together(
		health,
		func() {
			obtain.canary()
			if !r.canary.IsZero() {
				e.Login = observe(func() (evidence.Login, error) { return r.login(ctx, standby) })
			}
			r.readMount(ctx)
			e.Capabilities = r.askCapabilities(ctx)
		},
	)
}

// askCapabilities asks on every tenth run what the token of the login may do.
func (r *run) askCapabilities(ctx context.Context) evidence.Fact[[]evidence.Capabilities] {
	switch {
	case r.issued.token.IsZero() || r.memory.runs%mountEvery != 0:
		return r.memory.capabilities
	case !r.mayRead(): // as in readMount
		r.memory.capabilities = evidence.Fact[[]evidence.Capabilities]{}
		return r.memory.capabilities
	}
	return observe(func() ([]evidence.Capabilities, error) {
		return r.vault.capabilities(ctx, r.issued.token, evidence.GuardedPaths(r.target.Vault))
	})
}

func (r *run) close() {
	if r.kubernetes != nil {
		r.evidence.KubernetesCertificate, r.evidence.KubernetesChain = r.kubernetes.endpoint.observed()
		r.kubernetes.endpoint.close()
	}
	if r.vault != nil {
		r.evidence.VaultCertificate, r.evidence.VaultChain = r.vault.endpoint.observed()
		r.evidence.ClientCertificate = r.vault.endpoint.clientCertificate
		r.vault.endpoint.close()
	}
}

// conclude removes credentials from the evidence, and turns the memory into that for the next run. Evidence
// of which the removal fails is dropped, but for the panic.
func (r *run) conclude(remove func(string) string) {
	redacted := false
	r.guard(func() {
		redactEvidence(r.evidence, remove)
		redacted = true
	})
	if !redacted {
		*r.evidence = evidence.Evidence{At: r.evidence.At}
	}
	r.mu.Lock()
	r.evidence.Panic = r.panicked
	r.mu.Unlock()
	r.memory.remember(r.evidence)
	r.memory.minted = r.minted.withoutRejected(r.evidence)
	r.memory.negativeDue = r.negativeDue
}

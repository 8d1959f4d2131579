package probe

import (
	"context"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/gather"
)

// Prober probes targets. It is safe for concurrent use and keeps no state of a target:
// callers pass the [Memory] that one run returns to the next run.
type Prober struct{ gatherer *gather.Gatherer }

// NewProber returns a Prober that sends this version in its User-Agent. countToken is
// called for every token event, including those after the end of the run; it must be
// safe for concurrent use.
func NewProber(version string, countToken func(target string, event evidence.TokenEvent)) *Prober {
	return &Prober{gather.New(version, countToken)}
}

// Over sets the network over which servers are reached. It must not be called after
// the first run.
func (p *Prober) Over(network gather.Network) *Prober {
	p.gatherer.Over(network)
	return p
}

// WithFile makes this the content of a file, which is not read: standard input can be read
// only once. It must not be called after the first run.
func (p *Prober) WithFile(path string, content []byte) *Prober {
	p.gatherer.WithFile(path, content)
	return p
}

// Rehearser returns what rehearses the logins of workloads at a target, at the pace that its
// Vault's follow-ups have.
func (p *Prober) Rehearser(target evidence.Target) (*gather.Rehearser, error) {
	return p.gatherer.Rehearser(target)
}

// Wait blocks until every login that had no response at the end of its run has one, or
// has timed out, and an attempt was made to revoke its service token. No run may begin
// while Wait blocks.
func (p *Prober) Wait() { p.gatherer.Wait() }

// Probe makes one run, which takes at most [evidence.Target.LongestRun]. It returns no
// error: every failure, including a panic, is recorded as evidence. If ctx is canceled,
// the Result says nothing about the target and must be dropped.
func (p *Prober) Probe(ctx context.Context, target evidence.Target, memory Memory) (Result, Memory) {
	result := p.Run(ctx, &target, &memory)
	return *result, memory
}

// Run is Probe with pointers: a caller with hundreds of runs at once holds less on their stacks
// while they wait for a server. memory becomes that for the next run while this one goes on, so
// that a caller who may drop the Result passes a copy. A login that has no response reads the
// Result's Target until [Prober.Wait] returns, which must not change.
func (p *Prober) Run(ctx context.Context, target *evidence.Target, memory *Memory) *Result {
	result := &Result{Target: *target}
	p.gatherer.Gather(ctx, &result.Target, &memory.gathered, &result.Evidence)
	result.judge(memory)
	return result
}

// judge fills in what follows from the evidence. It is apart from Run, whose stack frame is held
// while a server is waited for.
//
//go:noinline
func (r *Result) judge(memory *Memory) {
	r.Start = r.Evidence.At
	r.Diagnosis = diagnose.Diagnose(r.Target, r.Evidence)
	r.Warnings = diagnose.Warnings(r.Target, r.Evidence)
	r.Expiries = diagnose.LastSeen(r.Evidence, diagnose.Expiries(r.Target, r.Evidence), memory.expiries)
	memory.expiries = r.Expiries
	memory.verdict(r.Diagnosis.Reason, r.Start, r.Target.Interval)
	switch r.LoginStatus() {
	case diagnose.LoginsWork:
		memory.failures = 0
	case diagnose.LoginsFail:
		memory.failures++
	}
	r.ConsecutiveFailures = memory.failures
	r.Since, r.Gap, r.Duration = memory.since, memory.gap, time.Since(r.Start)
}

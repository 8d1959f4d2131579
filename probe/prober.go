package probe

import (
	"context"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/gather"
)

// Prober probes targets. It is safe for concurrent use and remembers nothing of
// them: what a target's next run may know is handed in and out as [Memory].
type Prober struct{ gatherer *gather.Gatherer }

// NewProber returns a Prober that introduces itself to servers with this version.
// countToken is called for every token event, also for those that come after their
// run has ended; it must be safe for concurrent use.
func NewProber(version string, countToken func(target string, event evidence.TokenEvent)) *Prober {
	return &Prober{gather.New(version, countToken)}
}

// Over has servers reached over this network. It must not be called after the first
// run.
func (p *Prober) Over(network gather.Network) *Prober {
	p.gatherer.Over(network)
	return p
}

// Wait returns when every login that was unanswered at the end of its run is answered
// or given up, and its token revoked. No run may begin meanwhile.
func (p *Prober) Wait() { p.gatherer.Wait() }

// Probe makes one run. It lasts at most the target's timeout and [Overrun]. It
// returns no error: whatever goes wrong is evidence, a panic included. A run
// whose context was canceled says nothing about the target; its Result is to be
// dropped.
func (p *Prober) Probe(ctx context.Context, target evidence.Target, memory Memory) (Result, Memory) {
	e, notes := p.gatherer.Gather(ctx, target, memory.notes)
	result := Result{
		Target:    target,
		Start:     e.At,
		Evidence:  e,
		Diagnosis: diagnose.Diagnose(target, e),
		Warnings:  diagnose.Warnings(target, e),
	}
	memory.notes = notes
	if reason := result.Diagnosis.Reason; memory.reason != reason {
		memory.reason, memory.since = reason, e.At
	}
	result.Since, result.Duration = memory.since, time.Since(e.At)
	return result, memory
}

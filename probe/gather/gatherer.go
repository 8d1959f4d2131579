package gather

import (
	"context"
	"sync"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Gatherer asks both ends of a target. It is safe for concurrent use and remembers
// nothing of targets: what the next run may know is handed in and out as [Notes].
type Gatherer struct {
	userAgent  string
	network    Network
	countToken func(target string, event evidence.TokenEvent)

	late    sync.WaitGroup // logins that were unanswered at the end of their run
	limiter limiter        // of follow-ups
	shared  shared         // answers to mount probes
}

// NewGatherer returns a Gatherer that introduces itself to servers with this version.
// countToken is called for every token event, also for those that come after their
// run has ended; it must be safe for concurrent use.
func New(version string, countToken func(target string, event evidence.TokenEvent)) *Gatherer {
	return &Gatherer{
		userAgent:  "vault-k8s-auth-exporter/" + version,
		countToken: countToken,
	}
}

// Over has servers reached over this network. It must not be called after the first
// run.
func (g *Gatherer) Over(network Network) *Gatherer {
	g.network = network
	return g
}

// Wait returns when every login that was unanswered at the end of its run is answered
// or given up, and its token revoked: lateBudget after the last run's deadline at the
// latest, or, once the contexts of the runs are canceled, after closeBudget, and one
// revocation. No run may begin meanwhile.
func (g *Gatherer) Wait() { g.late.Wait() }

// Gather asks everything that one run asks. It lasts at most the target's timeout
// and [Overrun], and returns no error: whatever goes wrong is evidence, a panic
// included.
func (g *Gatherer) Gather(ctx context.Context, target evidence.Target, notes Notes) (evidence.Evidence, Notes) {
	caller := ctx
	ctx, redactor := withRedactor(ctx)
	run := &run{gatherer: g, caller: caller, redactor: redactor, target: target, notes: notes, minted: notes.minted, evidence: evidence.Evidence{At: time.Now()}}
	run.guard(func() { run.gather(ctx) })
	run.guard(func() { run.followUp(ctx) })
	run.guard(func() { run.revoke(ctx) })
	run.close()
	return run.conclude()
}

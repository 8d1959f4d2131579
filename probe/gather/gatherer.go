package gather

import (
	"context"
	"sync"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Gatherer collects the evidence on a target from Kubernetes and Vault. It is safe for
// concurrent use and keeps no state of a target: callers pass the [Memory] of one run to the
// next run.
type Gatherer struct {
	userAgent  string
	network    Network
	files      parsedFiles
	countToken func(target string, event evidence.TokenEvent)

	late        sync.WaitGroup // logins that had no response at the end of their run
	limiter     limiter        // of follow-ups
	mountProbes mountProbes
}

// New returns a Gatherer that sends this version in its User-Agent. countToken is called
// for every token event, including those after the end of the run; it must be safe for
// concurrent use.
func New(version string, countToken func(target string, event evidence.TokenEvent)) *Gatherer {
	g := &Gatherer{
		userAgent:  "vault-k8s-auth-exporter/" + version,
		countToken: countToken,
	}
	return g.Over(Network{})
}

// Over sets the network over which servers are reached. It must not be called after the
// first run.
func (g *Gatherer) Over(network Network) *Gatherer {
	g.network = network
	g.network.files = &g.files
	return g
}

// WithFile makes this the content of a file, which is not read. It must not be called after the
// first run.
func (g *Gatherer) WithFile(path string, content []byte) *Gatherer {
	g.files.given.path, g.files.given.content = path, content
	return g
}

// Wait blocks until every login that had no response at the end of its run has one, or
// has timed out, and an attempt was made to revoke its service token. That takes until
// lateBudget after the last run's deadline or, if the contexts of the runs are canceled,
// closeBudget from then, plus one revocation. No run may begin while Wait blocks.
func (g *Gatherer) Wait() { g.late.Wait() }

// Gather makes all requests of one run, which takes at most
// [evidence.Target.LongestRun], and fills in the evidence. It returns no error: every failure,
// including a panic, is recorded as evidence. memory becomes that for the next run, while it goes on.
//
// A login that has no response by then holds all three until [Gatherer.Wait] returns, and reads the
// target, which must not change. The caller keeps them anyway, so that hundreds of logins at a Vault
// that hangs hold little of their own.
func (g *Gatherer) Gather(ctx context.Context, target *evidence.Target, memory *Memory, found *evidence.Evidence) {
	r := &run{gatherer: g, caller: ctx, target: target, memory: memory, evidence: found, minted: memory.minted}
	r.evidence.At = time.Now()
	ctx, r.redactor = withRedactor(ctx)
	r.guard(func() { r.gather(ctx) })
	r.guard(func() { r.followUp(ctx) })
	r.guard(func() { r.revoke(ctx) })
	r.close()
	r.conclude(r.redactor.Remove)
}

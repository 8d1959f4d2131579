package probe

import (
	"context"
	"sync"
	"time"
)

// Overrun is how far past its timeout a run may last. An interval below timeout
// and Overrun cannot be kept.
const Overrun = followUpBudget + revokeBudget

// Prober probes targets. It is safe for concurrent use and remembers nothing of
// them: what a target's next run may know is handed in and out as [Memory].
type Prober struct {
	userAgent  string
	countToken func(target string, event TokenEvent)

	late sync.WaitGroup // logins still listened to
	pace pace           // of follow-ups
}

// NewProber returns a Prober that introduces itself with this version.
// countToken is called for every token event, also for those that come after their
// run had ended; it must be safe for concurrent use.
func NewProber(version string, countToken func(target string, event TokenEvent)) *Prober {
	return &Prober{
		userAgent:  "vault-k8s-auth-exporter/" + version,
		countToken: countToken,
	}
}

// Wait returns when no login is listened to any more: lateBudget after the last
// run's deadline at the latest, or, once the contexts of the runs are canceled,
// after closeBudget, and one revocation. No run may begin meanwhile.
func (p *Prober) Wait() { p.late.Wait() }

// Probe makes one run. It lasts at most the target's timeout and [Overrun]. It
// returns no error: whatever goes wrong is evidence, a panic included. A run
// whose context was canceled says nothing about the target; its Result is to be
// dropped.
func (p *Prober) Probe(ctx context.Context, target Target, memory Memory) (Result, Memory) {
	run := &run{prober: p, caller: ctx, target: target, memory: memory, minted: memory.minted, evidence: Evidence{At: time.Now()}}
	run.guard(func() { run.gather(ctx) })
	run.guard(func() { run.followUp(ctx) })
	run.guard(func() { run.revoke(ctx) })
	run.close()
	return run.conclude()
}

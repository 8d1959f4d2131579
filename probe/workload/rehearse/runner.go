package rehearse

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// Options are what a [Runner] works with. All fields but Changed are required.
type Options struct {
	// Discover reads who logs in.
	Discover func(context.Context) workload.Inventory
	// Session opens a session at a target.
	Session func(evidence.Target) (Session, error)
	// State returns what is known of a target's canary.
	State func(target string) (probe.TargetState, bool)
	// Interval is the time from one discovery to the next, Every that from one rehearsal of a login
	// to the next, while it does not change.
	Interval, Every time.Duration
	// Changed is called when the verdict on a login changes, and for its first one.
	Changed func(before, after Result)
}

const (
	// tick is how often a Runner looks for logins that are due.
	tick = time.Second
	// quietFor is how long no login is rehearsed at a target whose canary failed, or after a server
	// asked for fewer requests.
	quietFor = time.Minute
	// keptFor is how long the logins of a source that cannot be read are kept: it may never be read again.
	keptFor = 24 * time.Hour
)

// Runner discovers logins and rehearses them until it is stopped. At one Vault it rehearses one
// login at a time, and none while the target's canary fails, while a server asks for fewer
// requests, or within a minute of either. Its methods are safe for concurrent use.
type Runner struct {
	Options

	mu        sync.Mutex // guards what follows
	targets   []evidence.Target
	ours      func(target *evidence.Target) bool
	inventory workload.Inventory
	readAt    map[string]time.Time // by source: when it was last read, at least in part
	plan      *plan
	busy      map[string]bool      // by Vault
	quiet     map[string]time.Time // by target: until when none is rehearsed
}

// NewRunner returns a Runner that has discovered nothing yet.
func NewRunner(o Options) *Runner {
	return &Runner{Options: o, readAt: map[string]time.Time{}, plan: newPlan(o.Every), busy: map[string]bool{}, quiet: map[string]time.Time{}}
}

// SetTargets replaces the targets that logins are assigned to. Logins at targets that are not ours
// are another process's; ours is asked with nil about those that no target watches.
func (r *Runner) SetTargets(targets []evidence.Target, ours func(target *evidence.Target) bool) {
	r.mu.Lock()
	r.targets, r.ours = targets, ours
	broken := r.assign()
	r.mu.Unlock()
	r.report(broken)
}

// assign assigns the inventory to the targets. It is called with the lock held.
func (r *Runner) assign() []change {
	others := func(a Assigned) bool { return r.ours != nil && !r.ours(a.Target) }
	return r.plan.set(slices.DeleteFunc(Assign(r.inventory.Entries, r.targets), others), time.Now())
}

func (r *Runner) report(changes []change) {
	for _, c := range changes {
		if r.Changed != nil {
			r.Changed(c.before, c.after)
		}
	}
}

// Snapshot returns the last inventory and the result of every login in it, broken ones first. The
// time of the inventory is zero before the first discovery.
func (r *Runner) Snapshot() (workload.Inventory, []Result) {
	r.mu.Lock()
	inventory, results := r.inventory, r.plan.results(time.Now())
	r.mu.Unlock()
	Sort(results)
	return inventory, results
}

// Run discovers and rehearses until the context ends.
func (r *Runner) Run(ctx context.Context) {
	var working sync.WaitGroup
	defer working.Wait()
	working.Go(func() { r.discoverEvery(ctx) })
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, vault := range r.waiting() {
			working.Go(func() { r.round(ctx, vault) })
		}
	}
}

func (r *Runner) discoverEvery(ctx context.Context) {
	ticker := time.NewTicker(r.Interval)
	defer ticker.Stop()
	for {
		found := r.Discover(ctx)
		if ctx.Err() != nil {
			return
		}
		r.take(found)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// take puts an inventory into use. While a source cannot be read that was read in the last 24 hours,
// the logins that are missing may be that source's: they are kept. So is which service accounts are
// missing, while those cannot be read.
func (r *Runner) take(found workload.Inventory) {
	r.mu.Lock()
	now := time.Now()
	for _, s := range found.Sources {
		if s.State == workload.SourceRead || s.State == workload.SourcePartial {
			r.readAt[s.Name] = now
		}
	}
	fails := func(s workload.Source) bool {
		return s.State == workload.SourceFailed && now.Sub(r.readAt[s.Name]) < keptFor
	}
	if slices.ContainsFunc(found.Sources, fails) {
		accounts := slices.IndexFunc(found.Sources, func(s workload.Source) bool { return s.Name == "serviceaccounts" })
		found.Entries = withFormer(found.Entries, r.inventory.Entries, accounts >= 0 && fails(found.Sources[accounts]))
	}
	for i, s := range found.Sources {
		former := slices.IndexFunc(r.inventory.Sources, func(f workload.Source) bool { return f.Name == s.Name })
		if s.ReadAt.IsZero() && former >= 0 {
			found.Sources[i].ReadAt = r.inventory.Sources[former].ReadAt
		}
	}
	r.inventory = found
	broken := r.assign()
	r.mu.Unlock()
	r.report(broken)
}

// withFormer adds the former entries that are missing. If the accounts were not read, the others
// keep what was known of theirs.
func withFormer(entries, former []workload.Entry, accountsUnread bool) []workload.Entry {
	all := slices.Clone(entries)
	index := make(map[workload.Login]int, len(entries))
	for i, e := range entries {
		index[e.Login] = i
	}
	for _, e := range former {
		switch i, present := index[e.Login]; {
		case !present:
			all = append(all, e)
		case accountsUnread:
			all[i].AccountMissing = e.AccountMissing
		}
	}
	slices.SortFunc(all, func(a, b workload.Entry) int { return a.Compare(b.Login) })
	return all
}

// waiting lists the Vaults at which a login is due and none is being rehearsed, and marks them busy.
func (r *Runner) waiting() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.plan.forget(now)
	maps.DeleteFunc(r.quiet, func(_ string, until time.Time) bool { return !now.Before(until) })
	addresses := slices.DeleteFunc(r.plan.vaults(now), func(vault string) bool { return r.busy[vault] })
	for _, vault := range addresses {
		r.busy[vault] = true
	}
	return addresses
}

// round rehearses every login that is due at a Vault.
func (r *Runner) round(ctx context.Context, vault string) {
	var open session
	defer func() {
		open.close()
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.busy, vault)
	}()
	var last expiredKey
	for ctx.Err() == nil {
		due, found := r.next(vault, last)
		if !found {
			return
		}
		last = due.login.expiredKey()
		rehearsal := open.rehearse(ctx, r.Session, due.target, due.claim, due.expired)
		if ctx.Err() != nil {
			return
		}
		r.record(due, rehearsal)
	}
}

// dueLogin is a login that is due, with copies of what a reload may change during its rehearsal.
type dueLogin struct {
	login   *item
	target  evidence.Target
	claim   evidence.WorkloadLogin
	expired evidence.Fact[evidence.Refusal]
}

// next returns the login that is rehearsed next at a Vault, if there is one.
func (r *Runner) next(vault string, last expiredKey) (due dueLogin, found bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	runs := map[string]*probe.Result{}
	login := r.plan.next(vault, last, func(target string) bool {
		if _, asked := runs[target]; !asked {
			runs[target] = r.open(target, now)
		}
		return runs[target] != nil
	}, now)
	if login == nil {
		return dueLogin{}, false
	}
	target := *login.target
	claim := Claim(login.Login, target, runs[login.Target].Evidence)
	return dueLogin{login, target, claim, r.plan.expired(login, now)}, true
}

// open returns the canary's last run at a target, nil if no login may be rehearsed there now. It is
// called with the lock held.
func (r *Runner) open(target string, now time.Time) *probe.Result {
	state, known := r.State(target)
	if !known || state.Latest == nil {
		return nil
	}
	run := state.Latest
	if !run.Healthy() || run.Evidence.AsksForBackoff() {
		r.quiet[target] = later(r.quiet[target], run.Start.Add(run.Duration+quietFor))
		return nil
	}
	failed := state.LastFailure.Start
	if state.Stale(now) || now.Before(r.quiet[target]) || !failed.IsZero() && now.Sub(failed) < quietFor {
		return nil
	}
	return run
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (r *Runner) record(due dueLogin, rehearsal evidence.Rehearsal) {
	verdict := diagnose.JudgeRehearsal(due.target, rehearsal)
	r.mu.Lock()
	before := due.login.Result
	r.plan.record(due.login, rehearsal, verdict, time.Now())
	after := due.login.Result
	r.mu.Unlock()
	if r.Changed != nil && !before.Since.Equal(after.Since) {
		r.Changed(before, after)
	}
}

package rehearse

import (
	"cmp"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// confirmAfter is the time from a verdict that differs from the published one to the rehearsal that
// confirms it.
const confirmAfter = 10 * time.Second

// sharedFor is the age up to which the answer to an expired JWT counts for other service accounts
// with the same role.
const sharedFor = time.Minute

// Result is what is known of a login.
type Result struct {
	workload.Entry
	// Target is the target's name, empty if no target watches the mount.
	Target string
	// Elsewhere is a target that watches the mount at another address, if no target watches it here.
	Elsewhere Elsewhere
	Verdict   diagnose.WorkloadVerdict
	// At is when it was last rehearsed, Since when its verdict was first seen; zero if never.
	At, Since time.Time
}

// plan says which login is rehearsed next, and holds the results. It makes no requests and reads no
// clock. It is not safe for concurrent use.
type plan struct {
	every time.Duration
	items map[workload.Login]*item
	order []*item // by login
	// paused is until when no login is rehearsed at a Vault.
	paused map[string]time.Time
	shared map[expiredKey]evidence.Fact[evidence.Refusal]
	// recalled is what an earlier process knew of logins that were not discovered yet.
	recalled map[workload.Login]Remembered
}

// item is a login. Its login and its target's name and mount do not change.
type item struct {
	Result
	// target has the settings of the last reload; nil if no target watches the mount.
	target *evidence.Target
	due    time.Time
	// pending is a verdict that a second rehearsal has to confirm; its state is empty if there is none.
	pending diagnose.WorkloadVerdict
}

// expiredKey is what the answer to an expired JWT depends on.
type expiredKey struct{ target, role, audiences string }

func (i *item) expiredKey() expiredKey { return expiredKey{i.Target, i.Role, i.Audiences} }

func newPlan(every time.Duration) *plan {
	return &plan{every: every, items: map[workload.Login]*item{}, paused: map[string]time.Time{}, shared: map[expiredKey]evidence.Fact[evidence.Refusal]{}}
}

// set replaces the logins. What is new, or has another target than before, is due now. A login
// whose service account does not exist is broken and not rehearsed; set returns the change to that.
func (p *plan) set(logins []Assigned, now time.Time) (broken []change) {
	next := make(map[workload.Login]*item, len(logins))
	p.order = p.order[:0]
	for _, a := range logins {
		known := p.items[a.Login]
		if known == nil || !sameTarget(known.target, a.Target) || known.AccountMissing != a.AccountMissing || known.Elsewhere != a.Elsewhere {
			former := known
			known = &item{Result: Result{Entry: a.Entry, Elsewhere: a.Elsewhere}, target: a.Target, due: now}
			known.Verdict = diagnose.WorkloadVerdict{State: diagnose.WorkloadNotRehearsed, Detail: notYet}
			if a.Target == nil {
				known.Verdict.Detail = a.unwatched()
			} else {
				known.Target = a.Target.Name
			}
			if former == nil {
				p.recall(known, now)
			}
			if a.AccountMissing {
				before := known.Result
				if former != nil {
					before = former.Result
				}
				known.Verdict = a.missingAccount()
				if known.Since.IsZero() {
					known.Since = now
				}
				broken = append(broken, change{before, known.Result})
			}
		}
		known.Objects, known.target = a.Objects, a.Target
		next[a.Login] = known
		p.order = append(p.order, known)
	}
	p.items = next
	return broken
}

// change is what was known of a login before and after its verdict changed.
type change struct{ before, after Result }

const notYet = "not rehearsed yet"

func sameTarget(a, b *evidence.Target) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Name == b.Name && a.Vault.MountKey() == b.Vault.MountKey()
}

// next returns the login that is rehearsed next at this Vault, nil if none is due. open reports
// whether logins may be rehearsed at a target, last is the login before.
func (p *plan) next(vault string, last expiredKey, open func(target string) bool, now time.Time) *item {
	if now.Before(p.paused[vault]) {
		return nil
	}
	var first *item
	for _, i := range p.order {
		if !i.isDue(now) || i.target.Vault.Addr != vault || !open(i.Target) {
			continue
		}
		if first == nil || i.precedes(first, last) {
			first = i
		}
	}
	return first
}

// precedes reports whether a login is rehearsed before another one: those to be confirmed, then
// those that were discovered last, then those that have been due for the longest. Of equal ones,
// that with the role of the last login comes first, to share its answer.
func (i *item) precedes(o *item, last expiredKey) bool {
	switch {
	case i.class() != o.class():
		return i.class() < o.class()
	case i.class() == discovered && !i.due.Equal(o.due):
		return i.due.After(o.due)
	case (i.expiredKey() == last) != (o.expiredKey() == last):
		return i.expiredKey() == last
	}
	return i.due.Before(o.due)
}

// The classes of logins that are due, the most urgent first.
const (
	unconfirmed = iota
	discovered
	unchanged
)

func (i *item) class() int {
	switch {
	case i.pending.State != "":
		return unconfirmed
	case i.Since.IsZero():
		return discovered
	}
	return unchanged
}

// isDue reports whether the login has to be rehearsed now.
func (i *item) isDue(now time.Time) bool {
	return i.target != nil && !i.AccountMissing && !i.due.After(now)
}

// vaults lists the addresses at which a login is due.
func (p *plan) vaults(now time.Time) []string {
	var addresses []string
	for _, i := range p.order {
		if i.isDue(now) && !slices.Contains(addresses, i.target.Vault.Addr) {
			addresses = append(addresses, i.target.Vault.Addr)
		}
	}
	return addresses
}

// expired returns the answer to an expired JWT that the login shares with others.
func (p *plan) expired(i *item, now time.Time) evidence.Fact[evidence.Refusal] {
	if shared := p.shared[i.expiredKey()]; now.Sub(shared.At) < sharedFor {
		return shared
	}
	return evidence.Fact[evidence.Refusal]{}
}

// record takes in a rehearsal. A verdict that differs from the published one is published once a
// second rehearsal agrees; the first verdict on a login is published at once. Of a login that was
// dropped or got another target during its rehearsal, only the pause that its Vault needs counts.
func (p *plan) record(i *item, r evidence.Rehearsal, v diagnose.WorkloadVerdict, now time.Time) {
	if pause := r.Backoff(); pause > 0 {
		p.paused[i.target.Vault.Addr] = now.Add(pause)
	}
	if p.items[i.Login] != i {
		return
	}
	if evidence.CameToExpiry(r.Expired) {
		p.shared[i.expiredKey()] = r.Expired
	} else {
		delete(p.shared, i.expiredKey())
	}
	i.At = now
	i.due = p.slot(i, now)
	switch {
	case v.Agrees(i.Verdict):
		i.Verdict = v
		i.pending = diagnose.WorkloadVerdict{}
	case i.Since.IsZero(), v.Agrees(i.pending):
		i.Verdict, i.Since = v, now
		i.pending = diagnose.WorkloadVerdict{}
	default:
		i.pending, i.due = v, now.Add(confirmAfter)
		delete(p.shared, i.expiredKey()) // what is confirmed is asked again
	}
}

// slot returns the login's next time in the interval, which is hashed from its target and role: so
// the logins of one role are rehearsed together, and all are spread over the interval.
func (p *plan) slot(i *item, now time.Time) time.Time {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(i.Target + "\x00" + i.Role))
	phase := time.Duration(sum.Sum64() % uint64(p.every))
	slot := now.Truncate(p.every).Add(phase)
	if !slot.After(now) {
		slot = slot.Add(p.every)
	}
	return slot
}

// forget drops shared answers that are too old and pauses that have passed.
func (p *plan) forget(now time.Time) {
	maps.DeleteFunc(p.shared, func(_ expiredKey, shared evidence.Fact[evidence.Refusal]) bool {
		return now.Sub(shared.At) >= sharedFor
	})
	maps.DeleteFunc(p.paused, func(_ string, until time.Time) bool { return !now.Before(until) })
}

// staleAfter is the age, in intervals, beyond which a login is no longer reported as ready. One
// that is broken is reported until a newer rehearsal.
const staleAfter = 3

func (p *plan) results(now time.Time) []Result {
	results := make([]Result, 0, len(p.order))
	for _, i := range p.order {
		r := i.Result
		if r.Verdict.State == diagnose.WorkloadReady && now.Sub(r.At) > staleAfter*p.every {
			r.Verdict = diagnose.WorkloadVerdict{State: diagnose.WorkloadUnknown, Detail: "it was ready when it was last rehearsed, " + r.At.UTC().Format(time.RFC3339)}
		}
		results = append(results, r)
	}
	return results
}

// Sort sorts results: broken first, then by target and login.
func Sort(results []Result) {
	rank := func(r Result) int { return slices.Index(diagnose.WorkloadStates, r.Verdict.State) }
	slices.SortStableFunc(results, func(a, b Result) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Target, b.Target), a.Compare(b.Login))
	})
}

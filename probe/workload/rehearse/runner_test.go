package rehearse

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// world is a Vault that takes one request a second, and the canary of its only target.
type world struct {
	mu       sync.Mutex // guards what follows
	canary   probe.TargetState
	found    workload.Inventory
	missing  map[string]bool // roles
	asked    []time.Time
	roles    []string
	sessions int
	opened   []evidence.Target // of each session
	next     time.Time

	during func() // called in each rehearsal, if set
}

func (w *world) change(change func(*world)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

// run is one run of the canary, now.
func (w *world) run(reason diagnose.Reason) {
	target := *prod
	target.Interval = time.Hour
	w.change(func(w *world) {
		w.canary.Target = target
		w.canary = w.canary.After(&probe.Result{Target: target, Start: time.Now(), Diagnosis: diagnose.Diagnosis{Verdict: diagnose.Verdict{Reason: reason}}})
	})
}

func (w *world) runner() *Runner {
	r := NewRunner(Options{
		Discover: func(context.Context) workload.Inventory {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.found
		},
		Session: func(target evidence.Target) (Session, error) {
			w.change(func(w *world) { w.sessions, w.opened = w.sessions+1, append(w.opened, target) })
			return w, nil
		},
		State: func(string) (probe.TargetState, bool) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.canary, true
		},
		Interval: 10 * time.Minute, Every: time.Hour,
	})
	r.SetTargets([]evidence.Target{*prod}, nil)
	return r
}

func (w *world) Close() { w.change(func(w *world) { w.sessions-- }) }

func (w *world) Rehearse(ctx context.Context, l evidence.WorkloadLogin, expired evidence.Fact[evidence.Refusal]) evidence.Rehearsal {
	if w.during != nil {
		w.during()
	}
	r := evidence.Rehearsal{Login: l, At: time.Now(), Expired: expired}
	if !r.Expired.Ok() {
		r.Expired = w.ask(ctx, l.Role, 403, evidence.TextExpired)
	}
	if evidence.CameToExpiry(r.Expired) {
		r.Unexpired = w.ask(ctx, l.Role, 403, evidence.TextBare403)
	}
	return r
}

func (w *world) ask(ctx context.Context, role string, status int, text string) evidence.Fact[evidence.Refusal] {
	w.mu.Lock()
	turn := later(w.next, time.Now())
	w.next = turn.Add(time.Second)
	w.asked, w.roles = append(w.asked, turn), append(w.roles, role)
	if w.missing[role] {
		status, text = 400, evidence.TextInvalidRole
	}
	w.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(turn)):
	}
	return evidence.Fact[evidence.Refusal]{State: evidence.Answered, At: turn, Value: evidence.Refusal{Status: status, Text: text}}
}

// requests returns how many requests there were until now.
func (w *world) requests() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.asked)
}

// inventoryOf returns accounts times roles logins.
func inventoryOf(roles, accounts int) workload.Inventory {
	found := workload.Inventory{At: time.Now()}
	for i := range roles {
		for j := range accounts {
			l := workload.Login{Mount: "kubernetes", Role: fmt.Sprintf("role-%04d", i),
				ServiceAccount: evidence.ServiceAccount{Namespace: fmt.Sprintf("team-%03d", i%100), Name: fmt.Sprintf("account-%d", j)}}
			found.Entries = append(found.Entries, workload.Entry{Login: l, Objects: []workload.Object{{Kind: "Deployment", Namespace: l.ServiceAccount.Namespace, Name: l.Role, Pods: 3}}})
		}
	}
	slices.SortFunc(found.Entries, func(a, b workload.Entry) int { return a.Compare(b.Login) })
	return found
}

func countStates(results []Result) map[diagnose.WorkloadState]int {
	counts := map[diagnose.WorkloadState]int{}
	for _, r := range results {
		counts[r.Verdict.State]++
	}
	return counts
}

// start runs a Runner in the bubble until the test ends.
func (w *world) start(t *testing.T) (r *Runner, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r = w.runner()
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	return r, func() {
		cancel()
		running.Wait()
	}
}

func TestNoRehearsalWhileTheCanaryFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{found: inventoryOf(3, 1)}
		_, stop := w.start(t)
		defer stop()
		time.Sleep(time.Minute)
		if n := w.requests(); n != 0 {
			t.Errorf("%d requests before the canary's first run", n)
		}
		w.run(diagnose.VaultSealed)
		time.Sleep(5 * time.Second)
		w.run(diagnose.None)
		time.Sleep(quietFor - 10*time.Second)
		if n := w.requests(); n != 0 {
			t.Errorf("%d requests within a minute of the canary's failure", n)
		}
		time.Sleep(20 * time.Second)
		if n := w.requests(); n != 6 {
			t.Errorf("%d requests a minute after the failure, want 6", n)
		}
	})
}

func TestWhatIsNewIsRehearsedWithinAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{found: inventoryOf(20, 1)}
		w.run(diagnose.None)
		r, stop := w.start(t)
		defer stop()
		time.Sleep(5 * time.Minute)
		w.change(func(w *world) { w.found = inventoryOf(25, 1); w.missing = map[string]bool{"role-0024": true} })
		time.Sleep(5*time.Minute + time.Second + 30*time.Second)
		_, results := r.Snapshot()
		if counts := countStates(results); counts[diagnose.WorkloadReady] != 24 || counts[diagnose.WorkloadBroken] != 1 {
			t.Errorf("half a minute after the discovery: %v", counts)
		}
		if results[0].Role != "role-0024" || results[0].Verdict.Reason != diagnose.RoleMissing {
			t.Errorf("the first result is %s, %s", results[0].Role, results[0].Verdict.Reason)
		}
	})
}

func TestLoginsOfAFailedSourceAreKept(t *testing.T) {
	for _, state := range []workload.SourceState{workload.SourceRead, workload.SourcePartial} {
		synctest.Test(t, func(t *testing.T) {
			r := (&world{}).runner()
			r.take(withSource(inventoryOf(2, 1), "pods", state))
			failed := withSource(workload.Inventory{}, "pods", workload.SourceFailed)
			time.Sleep(keptFor - time.Second)
			r.take(failed)
			if n := len(resultsOf(r)); n != 2 {
				t.Errorf("%d logins are left", n)
			}
			time.Sleep(time.Second)
			r.take(failed)
			if n := len(resultsOf(r)); n != 0 {
				t.Errorf("%d logins are left of pods that were %s a day ago", n, state)
			}
		})
	}
}

// Only what a source named before may be missing because the source fails.
func TestLoginsThatAreGoneAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, now := range map[string]workload.Inventory{
			"all is read":               withSource(workload.Inventory{}, "pods", workload.SourceRead),
			"what fails was never read": withSource(workload.Inventory{}, "jobs.batch", workload.SourceFailed),
		} {
			r := (&world{}).runner()
			r.take(withSource(inventoryOf(2, 1), "pods", workload.SourceRead))
			r.take(now)
			if n := len(resultsOf(r)); n != 0 {
				t.Errorf("%s: %d logins are left of pods that are gone", name, n)
			}
		}
	})
}

// withSource adds a source to an inventory.
func withSource(i workload.Inventory, name string, state workload.SourceState) workload.Inventory {
	i.Sources = append(i.Sources, workload.Source{Name: name, State: state})
	return i
}

// A login whose account does not exist is broken without a request, whatever the canary does, and is
// rehearsed once the account exists.
func TestMissingAccountsAreBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{found: withSource(inventoryOf(2, 1), "serviceaccounts", workload.SourceRead)}
		w.found.Entries[1].AccountMissing = true
		w.run(diagnose.None)
		r := w.runner()
		var changes []Result
		r.Changed = func(_, after Result) { changes = append(changes, after) }
		r.take(w.found)
		r.round(t.Context(), prod.Vault.Addr)
		if got := resultsOf(r)[0]; w.requests() != 2 || got.Verdict.Reason != diagnose.ServiceAccountMissing || got.Since.IsZero() || !got.At.IsZero() {
			t.Errorf("%d requests, %+v", w.requests(), got)
		}
		if len(changes) != 2 || changes[0].Verdict.Reason != diagnose.ServiceAccountMissing {
			t.Errorf("reported were %+v", changes)
		}
		r.take(withSource(inventoryOf(2, 1), "serviceaccounts", workload.SourceFailed))
		if got := resultsOf(r)[0]; got.Verdict.Reason != diagnose.ServiceAccountMissing {
			t.Errorf("while the accounts are not read: %+v", got.Verdict)
		}
		r.take(inventoryOf(2, 1))
		r.round(t.Context(), prod.Vault.Addr)
		if counts := countStates(resultsOf(r)); counts[diagnose.WorkloadReady] != 2 {
			t.Errorf("once the account exists: %v", counts)
		}
	})
}

// TestBudget states what 5 000 logins cost. At one Vault there is never more than one request a
// second, so a first round takes 2 s for each role and 1 s for each further account of it, plus one
// expired JWT a minute. Later rounds are the same, spread over the interval; one that does not fit
// takes longer than it.
func TestBudget(t *testing.T) {
	for _, test := range []struct {
		name            string
		roles, accounts int
		round           time.Duration
	}{
		{"5000 roles", 5000, 1, 2*time.Hour + 47*time.Minute},
		{"500 roles of 10 accounts", 500, 10, time.Hour + 33*time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var before, after runtime.MemStats
				found := inventoryOf(test.roles, test.accounts)
				runtime.GC()
				runtime.ReadMemStats(&before)
				w := &world{found: found}
				w.run(diagnose.None)
				r, stop := w.start(t)
				defer stop()
				began := time.Now()
				for countStates(resultsOf(r))[diagnose.WorkloadReady] < 5000 {
					time.Sleep(time.Minute)
					w.run(diagnose.None)
				}
				elapsed := time.Since(began)
				if elapsed > test.round+5*time.Minute {
					t.Errorf("the first round took %s, want %s", elapsed, test.round)
				}
				w.mu.Lock()
				for i := 1; i < len(w.asked); i++ {
					if gap := w.asked[i].Sub(w.asked[i-1]); gap < time.Second {
						t.Errorf("request %d came %s after the one before", i, gap)
					}
				}
				requests := len(w.asked)
				w.asked, w.roles = nil, nil
				w.mu.Unlock()
				runtime.GC()
				runtime.ReadMemStats(&after)
				used := int(after.HeapAlloc) - int(before.HeapAlloc)
				t.Logf("%d requests in %s, %.2f/s; %.1f MB, %d bytes a login", requests, elapsed, float64(requests)/elapsed.Seconds(), float64(used)/1e6, used/5000)
				if used > 10<<20 {
					t.Errorf("5000 logins take %d bytes, want at most 10 MiB", used)
				}
			})
		})
	}
}

func resultsOf(r *Runner) []Result {
	_, results := r.Snapshot()
	return results
}

func BenchmarkNext(b *testing.B) {
	p := newPlan(time.Hour)
	p.set(Assign(inventoryOf(5000, 1).Entries, []evidence.Target{*prod}), start)
	for b.Loop() {
		p.next("https://vault", expiredKey{}, always, start)
	}
}

package rehearse

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// A reload may take away what is known of a target's canary at any time.
func TestCanaryIsReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{found: inventoryOf(2, 1)}
		w.run(diagnose.None)
		r := w.runner()
		known := r.State
		reads := 0
		r.State = func(target string) (probe.TargetState, bool) {
			if reads++; reads > 1 {
				return probe.TargetState{}, false
			}
			return known(target)
		}
		r.take(w.found)
		r.round(t.Context(), prod.Vault.Addr)
		if counts := countStates(resultsOf(r)); counts[diagnose.WorkloadReady] != 1 || counts[diagnose.WorkloadNotRehearsed] != 1 {
			t.Errorf("%v, want one that is rehearsed before the reload and none after", counts)
		}
	})
}

// Settings that change during a round count from the next login on. What was rehearsed stays so.
func TestChangedSettingsTakeEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{found: inventoryOf(3, 1)}
		w.run(diagnose.None)
		r := w.runner()
		changed := *prod
		changed.Timeout, changed.Vault.TokenFile = 7*time.Second, "/new"
		w.during = func() { r.SetTargets([]evidence.Target{changed}, nil) }
		r.take(w.found)
		r.round(t.Context(), prod.Vault.Addr)
		if len(w.opened) != 2 || w.opened[1].Timeout != changed.Timeout || w.opened[1].Vault.TokenFile != "/new" || w.sessions != 0 {
			t.Errorf("sessions were opened with %+v, and %d not closed", w.opened, w.sessions)
		}
		if counts := countStates(resultsOf(r)); counts[diagnose.WorkloadReady] != 3 {
			t.Errorf("after the reload: %v", counts)
		}
	})
}

// The answer to a login that is gone, or is rehearsed elsewhere since, is no news.
func TestVerdictsOfReplacedLoginsAreNotReported(t *testing.T) {
	elsewhere := *prod
	elsewhere.Vault.Addr = "https://elsewhere"
	for name, targets := range map[string][]evidence.Target{"gone": nil, "elsewhere": {elsewhere}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{found: inventoryOf(1, 1)}
				w.run(diagnose.None)
				r := w.runner()
				r.Changed = func(_, after Result) { t.Errorf("%s is reported as %s", after.Role, after.Verdict.State) }
				w.during = func() { r.SetTargets(targets, nil) }
				r.take(w.found)
				r.round(t.Context(), prod.Vault.Addr)
				if counts := countStates(resultsOf(r)); w.requests() != 2 || counts[diagnose.WorkloadNotRehearsed] != 1 {
					t.Errorf("%d requests, %v", w.requests(), counts)
				}
			})
		})
	}
}

// Vault needs its pause whatever became of the login.
func TestBackoffOutlivesTheLogin(t *testing.T) {
	p := newPlan(time.Hour)
	p.set([]Assigned{loginOf("web", "web")}, start)
	replaced := p.order[0]
	p.set(nil, start)
	p.set([]Assigned{loginOf("web", "web")}, start)
	busy := evidence.Fact[evidence.Refusal]{State: evidence.Answered, Value: evidence.Refusal{Status: 429}}
	p.record(replaced, evidence.Rehearsal{Expired: busy}, unknown, start)
	if due := p.next(prod.Vault.Addr, expiredKey{}, always, start); due != nil || p.order[0].Verdict.State != diagnose.WorkloadNotRehearsed {
		t.Errorf("due is %v", due)
	}
}

// What has passed takes no memory: targets come and go with reloads.
func TestPausesThatPassedAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{found: inventoryOf(1, 1)}
		w.run(diagnose.VaultSealed)
		r := w.runner()
		r.take(w.found)
		r.next(prod.Vault.Addr, expiredKey{})
		r.plan.paused[prod.Vault.Addr] = time.Now().Add(quietFor)
		if r.waiting(); len(r.quiet) != 1 || len(r.plan.paused) != 1 {
			t.Errorf("within a minute of the failure, quiet is %v and paused %v", r.quiet, r.plan.paused)
		}
		time.Sleep(quietFor)
		if r.waiting(); len(r.quiet)+len(r.plan.paused) != 0 {
			t.Errorf("later, quiet is %v and paused %v", r.quiet, r.plan.paused)
		}
	})
}

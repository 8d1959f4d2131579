package rehearse

import (
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// A login that an earlier process has rehearsed keeps its verdict and the begin of it. Only what was
// ready waits for its usual time.
func TestRecalledLogins(t *testing.T) {
	staging := &evidence.Target{Name: "staging", Vault: prod.Vault}
	login := loginOf("web", "web")
	for name, test := range map[string]struct {
		state    diagnose.WorkloadState
		reason   diagnose.Reason
		ago      time.Duration
		target   *evidence.Target
		missing  bool
		recalled bool
		dueNow   bool
	}{
		"ready":                            {state: diagnose.WorkloadReady, ago: time.Minute, target: prod, recalled: true},
		"ready, long ago":                  {state: diagnose.WorkloadReady, ago: 2 * time.Hour, target: prod, recalled: true, dueNow: true},
		"broken":                           {state: diagnose.WorkloadBroken, reason: diagnose.RoleMissing, ago: time.Minute, target: prod, recalled: true, dueNow: true},
		"another target":                   {state: diagnose.WorkloadReady, ago: time.Minute, target: staging, dueNow: true},
		"no target":                        {state: diagnose.WorkloadReady, ago: time.Minute},
		"the account is still missing":     {state: diagnose.WorkloadBroken, reason: diagnose.ServiceAccountMissing, ago: time.Minute, target: prod, missing: true, recalled: true},
		"the account is no longer missing": {state: diagnose.WorkloadBroken, reason: diagnose.ServiceAccountMissing, ago: time.Minute, target: prod, dueNow: true},
		"the account is missing now":       {state: diagnose.WorkloadReady, ago: time.Minute, target: prod, missing: true},
	} {
		t.Run(name, func(t *testing.T) {
			since := start.Add(-24 * time.Hour)
			r := NewRunner(Options{Every: time.Hour})
			r.Recall([]Remembered{{login.Login, prod.Name, test.state, test.reason, start.Add(-test.ago), since}})
			found := login
			found.Target, found.AccountMissing = test.target, test.missing
			r.plan.set([]Assigned{found}, start)
			got := r.plan.order[0]
			if recalled := got.Since.Equal(since); recalled != test.recalled || recalled && got.Verdict.State != test.state {
				t.Errorf("the login is %s since %s", got.Verdict.State, got.Since)
			}
			if got.isDue(start) != test.dueNow {
				t.Errorf("it is due at %s, now is %s", got.due, start)
			}
		})
	}
}

// What was not discovered yet is remembered for the next process, for as long as it would be reported.
func TestRememberedLogins(t *testing.T) {
	login, now := loginOf("web", "web").Login, time.Now()
	for ago, want := range map[time.Duration]int{time.Minute: 1, 4 * time.Hour: 0} {
		r := NewRunner(Options{Every: time.Hour})
		r.Recall([]Remembered{{login, prod.Name, diagnose.WorkloadReady, "", now.Add(-ago), now.Add(-ago)}})
		if got := r.Remember(); len(got) != want {
			t.Errorf("after %s %d logins are remembered, want %d", ago, len(got), want)
		}
	}
}

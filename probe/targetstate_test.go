package probe_test

import (
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func runAt(n int, reason diagnose.Reason) probe.Result {
	return probe.Result{
		Start:     time.Unix(int64(60*n), 0),
		Duration:  time.Duration(n) * time.Millisecond,
		Diagnosis: diagnose.Diagnosis{Verdict: diagnose.Verdict{Reason: reason}},
	}
}

func TestHistoryKeepsFailuresLonger(t *testing.T) {
	var state probe.TargetState
	for n := range 300 {
		reason := diagnose.None
		if n%3 == 0 {
			reason = diagnose.VaultSealed
		}
		state = state.After(new(runAt(n, reason)))
	}
	h := state.History
	if len(h.Recent) != 120 || h.Recent[0].Start.Unix() != 60*180 || h.Recent[119].Start.Unix() != 60*299 {
		t.Errorf("%d recent runs from %v to %v, want the last 120", len(h.Recent), h.Recent[0], h.Recent[len(h.Recent)-1])
	}
	if len(h.Failures) != 40 || h.Failures[0].Start.Unix() != 60*60 || h.Failures[39].Start.Unix() != 60*177 {
		t.Errorf("%d older failures from %v to %v, want the 40 before those", len(h.Failures), h.Failures[0], h.Failures[len(h.Failures)-1])
	}
	for _, run := range h.Failures {
		if run.Healthy() {
			t.Errorf("%v is kept as a failure, but is healthy", run)
		}
	}
}

// A TargetState that is in use does not change when later runs arrive.
func TestTargetStateIsImmutable(t *testing.T) {
	for _, before := range []int{1, 119, 120, 170} {
		var state probe.TargetState
		for n := range before {
			state = state.After(new(runAt(n, diagnose.VaultSealed)))
		}
		held := state.History.Recent[len(state.History.Recent)-1]
		state.After(new(runAt(before, diagnose.None)))
		state.After(new(runAt(before, diagnose.VaultTimeout)))
		if got := state.History.Recent[len(state.History.Recent)-1]; got != held {
			t.Errorf("after %d runs and another one, the last run of the earlier state is %v, was %v", before, got, held)
		}
	}
}

func TestOlderRunDoesNotReplace(t *testing.T) {
	state := probe.TargetState{}.After(new(runAt(2, diagnose.VaultSealed))).After(new(runAt(1, diagnose.None)))
	if state.Latest.Healthy() || len(state.History.Recent) != 1 || !state.LastSuccess.IsZero() {
		t.Errorf("an older run replaced a newer one: %+v", state)
	}
}

// A target that was never probed is not reported as healthy.
func TestStale(t *testing.T) {
	if !(probe.TargetState{}).Stale(time.Now()) {
		t.Error("a target that was never probed is not stale")
	}
	state := probe.TargetState{Target: evidence.Target{Interval: time.Minute}}.After(new(runAt(1, diagnose.None)))
	start := state.Latest.Start
	if state.Stale(start.Add(3*time.Minute)) || !state.Stale(start.Add(3*time.Minute+1)) {
		t.Error("a run does not become stale after exactly three intervals")
	}
}

func TestZeroResultIsNotHealthy(t *testing.T) {
	if (probe.Result{}).Healthy() {
		t.Error("the zero Result is healthy")
	}
}

// The timeouts of a process that was suspended are not believed; a successful login is.
func TestOverran(t *testing.T) {
	for _, test := range []struct {
		lag   time.Duration
		login evidence.State
		want  bool
	}{
		{0, evidence.Failed, false},
		{time.Second, evidence.Failed, false},
		{5 * time.Second, evidence.Failed, true},
		{5 * time.Second, evidence.NotAsked, true},
		{5 * time.Second, evidence.Answered, false},
	} {
		r := probe.Result{Evidence: evidence.Evidence{Lag: test.lag, Login: evidence.Fact[evidence.Login]{State: test.login}}}
		if got := r.Overran(); got != test.want {
			t.Errorf("lag %s, login state %d: overran %t, want %t", test.lag, test.login, got, test.want)
		}
	}
}

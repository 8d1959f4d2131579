package probe_test

import (
	"flag"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// withNegativeCanary returns a world whose target makes the logins that Vault must refuse.
func withNegativeCanary(t *testing.T, interval time.Duration) *probetest.World {
	w := probetest.NewWorld(t)
	w.Target.NegativeCanary = evidence.NegativeCanarySettings{Enabled: true, Interval: interval}
	return w
}

func negativeStep(r probe.Result) evidence.Step {
	steps := r.Steps()
	i := slices.IndexFunc(steps, func(s evidence.Step) bool { return s.Name == "negative_canary" })
	if i < 0 {
		return evidence.Step{}
	}
	return steps[i]
}

// wantRefused requires that Vault refused every login that it answered, or that it answered none.
func wantRefused(t *testing.T, r probe.Result, refused, known bool) {
	t.Helper()
	if gotRefused, gotKnown := r.Evidence.NegativeCanary.Refused(); gotRefused != refused || gotKnown != known {
		t.Errorf("refused %t, known %t, want %t, %t: %+v", gotRefused, gotKnown, refused, known, r.Evidence.NegativeCanary)
	}
}

func TestNegativeCanaryAsksOnceInAnInterval(t *testing.T) {
	t.Parallel()
	w := withNegativeCanary(t, time.Hour)
	w.Complete()
	first, memory := w.Probe(probe.Memory{})
	wantRefused(t, first, true, true)
	if got := negativeStep(first); got.State != evidence.StepOK || got.Detail != "foreign_key refused, expired refused, wrong_audience refused, other_role refused" {
		t.Errorf("the step is %+v", got)
	}
	if got := countLogins(w); got != 5 {
		t.Errorf("the first run made %d logins, want the canary's and four more", got)
	}
	second, _ := w.Probe(memory)
	wantRefused(t, second, true, true)
	if got := countLogins(w); got != 6 || negativeStep(second).State != evidence.StepSkipped {
		t.Errorf("the second run made %d logins, want one: %+v", got-5, negativeStep(second))
	}
}

// A round that is due has the role read in its run, however seldom the mount is read otherwise.
func TestNegativeCanaryKeepsItsInterval(t *testing.T) {
	t.Parallel()
	w := withNegativeCanary(t, time.Nanosecond)
	w.Complete()
	var memory probe.Memory
	for range 3 {
		var r probe.Result
		r, memory = w.Probe(memory)
		wantRefused(t, r, true, true)
		if !r.Evidence.Mount.At.Equal(r.Evidence.At) || negativeStep(r).State != evidence.StepOK {
			t.Errorf("a round is due: %+v, the mount was read %s before", negativeStep(r), r.Evidence.At.Sub(r.Evidence.Mount.At))
		}
	}
}

// Without a readable role the audience that it requires is not known.
func TestNegativeCanaryWithoutOptionalEvidence(t *testing.T) {
	t.Parallel()
	w := withNegativeCanary(t, time.Hour)
	r, _ := w.Probe(probe.Memory{})
	if got := negativeStep(r).Detail; got != "foreign_key refused, expired refused" {
		t.Errorf("the step says %q", got)
	}
}

// A token that the exporter creates for another audience is genuine: only the role refuses it.
func TestNegativeCanaryMintsForAnotherAudience(t *testing.T) {
	t.Parallel()
	w := withNegativeCanary(t, time.Hour)
	w.Readable()
	w.MintCanary()
	r, _ := w.Probe(probe.Memory{})
	wantRefused(t, r, true, true)
	if answer := r.Evidence.NegativeCanary.WrongAudience; !answer.Ok() || !evidence.Contains(answer.Value.Text, "invalid audience") {
		t.Errorf("the login for another audience got %+v", answer)
	}
}

func TestNegativeCanaryWaitsForHealth(t *testing.T) {
	t.Parallel()
	w := withNegativeCanary(t, time.Hour)
	w.Mount(func(m *probetest.Mount) { delete(m.Roles, "canary") })
	r, _ := w.Probe(probe.Memory{})
	wantRefused(t, r, false, false)
	if negativeStep(r).Name != "" {
		t.Errorf("logins were made although the canary's failed: %+v", negativeStep(r))
	}
}

// A Vault that asks for fewer requests has answered nothing, and is asked again later.
func TestNegativeCanaryOfAnOverloadedVault(t *testing.T) {
	t.Parallel()
	w := withNegativeCanary(t, time.Hour)
	var logins atomic.Int32
	w.OnLogin(func(rw http.ResponseWriter, r *http.Request) {
		if logins.Add(1) > 1 {
			rw.Header().Set("Content-Type", "application/json")
			rw.WriteHeader(http.StatusTooManyRequests)
			_, _ = rw.Write([]byte(`{"errors":["request path \"auth/kubernetes/login\": rate limit quota exceeded"]}`))
			return
		}
		w.Vault.Serve(rw, r)
	})
	first, memory := w.Probe(probe.Memory{})
	wantRefused(t, first, false, false)
	if got := negativeStep(first); got.State != evidence.StepFailed {
		t.Errorf("the step is %+v, want it failed", got)
	}
	logins.Store(0)
	if second, _ := w.Probe(memory); logins.Load() != 1 {
		t.Errorf("the next run made %d logins, want one: %+v", logins.Load(), negativeStep(second))
	}
}

// Every token is revoked in its run. The alarm ends with the first round that is refused.
func TestNegativeCanaryThatGetsATokenRevokesIt(t *testing.T) {
	t.Parallel()
	w := withNegativeCanary(t, time.Nanosecond)
	w.Diagnosable()
	heal := w.Snapshot()
	w.Mount(func(m *probetest.Mount) { m.Roles["diagnostic"] = m.Roles["canary"] })
	broken, memory := w.Probe(probe.Memory{})
	wantRefused(t, broken, false, true)
	if live := w.Vault.Live(); live != 0 || w.Vault.Issued() != 2 {
		t.Errorf("%d of %d tokens are not revoked, want two, both revoked", live, w.Vault.Issued())
	}
	if events := w.TokenEvents(); len(events) != 4 {
		t.Errorf("the tokens' events are %v", events)
	}
	if !broken.Healthy() {
		t.Errorf("the verdict is %s: pods can log in", broken.Diagnosis.Reason)
	}
	heal()
	healed, _ := w.Probe(memory)
	wantRefused(t, healed, true, true)
}

var negativeRuns = flag.Int("negative-canary-runs", 100, "how often healthy installations are probed")

// Against healthy installations of every kind it raises nothing.
func TestNegativeCanaryRaisesNothing(t *testing.T) {
	var healthy []probetest.Scenario
	for _, s := range probetest.Scenarios() {
		if s.Bare.Reason == diagnose.None && strings.HasPrefix(s.Name, "healthy") {
			healthy = append(healthy, s)
		}
	}
	for _, s := range healthy {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			w := withNegativeCanary(t, time.Nanosecond)
			s.Arrange(w)
			w.Diagnosable()
			var memory probe.Memory
			var r probe.Result
			for range *negativeRuns/len(healthy) + 1 {
				r, memory = w.Probe(memory)
				if accepted := r.Evidence.NegativeCanary.Accepted(); len(accepted) > 0 || !r.Healthy() {
					t.Fatalf("%s, accepted %v", r.Diagnosis.Reason, accepted)
				}
			}
			if refused, known := r.Evidence.NegativeCanary.Refused(); !refused || !known {
				t.Errorf("the logins were not made, or not refused: %+v", r.Evidence.NegativeCanary)
			}
		})
	}
}

package probe_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// targetsOf returns n targets of the world's mount, each with its own role.
func targetsOf(w *probetest.World, n int) []evidence.Target {
	var targets []evidence.Target
	for i := range n {
		target := w.Target
		target.Name = fmt.Sprintf("target-%d", i)
		target.Vault.Role = fmt.Sprintf("canary-%d", i)
		w.Mount(func(m *probetest.Mount) { m.Roles[target.Vault.Role] = m.Roles["canary"] })
		targets = append(targets, target)
	}
	return targets
}

// probeAll makes one run of each target concurrently, with one prober.
func probeAll(t *testing.T, prober *probe.Prober, targets []evidence.Target) []probe.Result {
	results := make([]probe.Result, len(targets))
	var runs sync.WaitGroup
	for i, target := range targets {
		runs.Go(func() { results[i], _ = prober.Probe(t.Context(), target, probe.Memory{}) })
	}
	runs.Wait()
	return results
}

func TestTargetsOfOneMountShareItsProbe(t *testing.T) {
	t.Parallel()
	w := probetest.NewWorld(t)
	targets := targetsOf(w, 40)
	w.Vault.Change(func(v *probetest.Vault) { clear(v.Mounts) })
	start := time.Now()
	for _, r := range probeAll(t, w.Prober(), targets) {
		if r.Diagnosis.Reason != diagnose.MountMissing {
			t.Errorf("%s: %s, want %s", r.Target.Name, r.Diagnosis.Reason, diagnose.MountMissing)
		}
	}
	if probes := countLogins(w) - len(targets); probes > max(5, 1+int(time.Since(start)/time.Second)) {
		t.Errorf("the mount was probed %d times for %d targets, want at most one probe a second", probes, len(targets))
	}
}

// If there are more targets than turns, the verdict of those that have to wait names the
// most likely cause, and their run at their turn makes the follow-ups.
func TestPostponedFollowUpsAreMadeLater(t *testing.T) {
	t.Parallel()
	w := probetest.NewWorld(t)
	targets := targetsOf(w, 8)
	w.DropReviewer()
	prober := w.Prober()
	postponed := 0
	for _, r := range probeAll(t, prober, targets) {
		if r.Diagnosis.Reason != diagnose.VaultToKubernetesFailed {
			t.Errorf("%s: %s (%s), want %s", r.Target.Name, r.Diagnosis.Reason, r.Diagnosis.Detail, diagnose.VaultToKubernetesFailed)
		}
		if !r.Retry().Again {
			continue
		}
		postponed++
		again, _ := prober.Probe(t.Context(), r.Target, probe.Memory{})
		if again.Retry().Again || !again.Evidence.RoleProbePassed() {
			t.Errorf("%s: the run at its turn did not make every follow-up: %+v", r.Target.Name, again.Evidence.FollowUps)
		}
	}
	if postponed == 0 {
		t.Error("no follow-ups were postponed, so the test shows nothing")
	}
}

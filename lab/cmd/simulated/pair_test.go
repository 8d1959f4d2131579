package main

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Every fault of the lab can be simulated, and an exporter that reads the targets file gives the verdict that it gives of
// the real servers.
func TestEveryFaultCanBeSimulated(t *testing.T) {
	var probing sync.WaitGroup
	for _, fault := range lab.Faults() {
		p, dir := startPair(t)
		if err := p.Inject(t.Context(), fault.Name); err != nil {
			t.Fatal(err)
		}
		simulated := target(t, dir)
		probing.Go(func() {
			if got := verdictOf(t, simulated); got != fault.Full.Reason {
				t.Errorf("%s: the verdict is %s, want %s", fault.Name, got, fault.Full.Reason)
			}
		})
	}
	probing.Wait()
}

func TestHealRestoresHealth(t *testing.T) {
	p, dir := startPair(t)
	for _, name := range []string{"role_missing", "vault_dns", "role_missing"} {
		if err := p.Inject(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	healed, err := p.Heal(t.Context())
	if err != nil || len(healed) != 2 || healed[0] != "role_missing" || healed[1] != "vault_dns" {
		t.Errorf("healed %v, %v", healed, err)
	}
	if got := verdictOf(t, target(t, dir)); got != "none" {
		t.Errorf("after healing, the verdict is %s", got)
	}
	for _, s := range p.States() {
		if s.Injected || !s.Simulated || s.Env != nil {
			t.Errorf("%+v", s)
		}
	}
}

func startPair(t *testing.T) (p *pair, dir string) {
	t.Helper()
	dir = t.TempDir()
	p, err := newPair(dir, t)
	if err != nil {
		t.Fatal(err)
	}
	return p, dir
}

// target reads the targets file as the demo's exporter does.
func target(t *testing.T, dir string) evidence.Target {
	t.Helper()
	t.Setenv("EXPORTER_TARGETS_FILE", filepath.Join(dir, lab.TargetsFile))
	c, err := config.Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Targets) != 1 || c.Targets[0].Name != lab.SimulatedTarget {
		t.Fatalf("the targets are %+v", c.Targets)
	}
	return c.Targets[0]
}

func verdictOf(t *testing.T, target evidence.Target) string {
	prober := probe.NewProber("test", func(string, evidence.TokenEvent) {})
	result, _ := prober.Probe(t.Context(), target, probe.Memory{})
	return string(result.Diagnosis.Reason)
}

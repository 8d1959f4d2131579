package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// A pair is a fake API server and a fake Vault, and the targets file for an exporter that probes them. It has the faults
// of the lab.
type pair struct {
	dir string
	t   probetest.TB

	mu       sync.Mutex // guards the fields below
	world    *probetest.World
	injected []string
}

func newPair(dir string, t probetest.TB) (*pair, error) {
	p := &pair{dir: dir, t: t}
	return p, p.renew()
}

// renew replaces both servers by healthy ones. The old ones stay, for a run that has not read the new targets file.
func (p *pair) renew() error {
	p.world, p.injected = probetest.NewWorld(p.t), nil
	p.world.Complete()
	return p.publish()
}

// publish writes the targets file. A fault can change the target too.
func (p *pair) publish() error {
	target := p.world.Target
	target.Name = lab.SimulatedTarget
	target.Interval, target.Timeout, target.Recheck = lab.DemoInterval, lab.DemoTimeout, lab.DemoRecheck
	path := filepath.Join(p.dir, lab.TargetsFile)
	var text bytes.Buffer
	if err := (config.Config{TargetsFile: path, Targets: []evidence.Target{target}}).Write(&text); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Inject is the scenario of the same name as the fault.
func (p *pair) Inject(_ context.Context, name string) error {
	fault, err := lab.FindFault(name)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	scenarios := probetest.Scenarios()
	i := slices.IndexFunc(scenarios, func(s probetest.Scenario) bool { return s.Name == fault.Name })
	if i < 0 {
		return fmt.Errorf("%s cannot be simulated; inject it when the real servers have taken over", name)
	}
	scenarios[i].Arrange(p.world)
	p.injected = append(slices.DeleteFunc(p.injected, func(other string) bool { return other == name }), name)
	return p.publish()
}

// Heal undoes all faults at once.
func (p *pair) Heal(context.Context) (healed []string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	healed = p.injected
	slices.Reverse(healed)
	return healed, p.renew()
}

// States has no environments: a fault that needs one changes the target instead.
func (p *pair) States() []lab.State {
	p.mu.Lock()
	defer p.mu.Unlock()
	states := lab.States(p.injected...)
	for i := range states {
		states[i].Env, states[i].Simulated = nil, true
	}
	return states
}

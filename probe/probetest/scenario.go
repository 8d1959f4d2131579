package probetest

import (
	"slices"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// Scenario is one thing that can be wrong, and what must be said of it.
type Scenario struct {
	// Name is that of its twin among the lab's faults, or else begins with the reason.
	Name string
	// Before arranges what an earlier run saw, where that matters: ten runs are made
	// of it, so that the next reads the mount anew.
	Before func(*World)
	// Arrange breaks a healthy world.
	Arrange func(*World)
	// Bare is what must be said with the bare evidence, Full with all optional
	// evidence. Where Full is empty nothing is demanded of it, and where Bare is, the
	// scenario is not played without.
	Bare, Full Verdict
}

// Verdict is what must be said. Warning is one that must be raised, if any.
type Verdict struct {
	Reason    diagnose.Reason
	Certainty diagnose.Certainty
	Warning   diagnose.WarningCode
}

const (
	none       = diagnose.None
	eliminated = diagnose.ByElimination
)

func proven(reason diagnose.Reason) Verdict {
	return Verdict{Reason: reason, Certainty: diagnose.Proven}
}

func byElimination(reason diagnose.Reason) Verdict {
	return Verdict{Reason: reason, Certainty: diagnose.ByElimination}
}

// warned is a healthy verdict with a warning.
func warned(code diagnose.WarningCode) Verdict { return Verdict{none, diagnose.Proven, code} }

// twin is a scenario whose verdicts stand in the lab's table, under its name.
func twin(name string, arrange func(*World)) Scenario { return Scenario{Name: name, Arrange: arrange} }

// same demands one verdict of the bare evidence and of all of it.
func same(name string, v Verdict, arrange func(*World)) Scenario {
	return Scenario{Name: name, Arrange: arrange, Bare: v, Full: v}
}

// bare demands a verdict of the bare evidence alone.
func bare(name string, v Verdict, arrange func(*World)) Scenario {
	return Scenario{Name: name, Arrange: arrange, Bare: v}
}

// full demands a verdict of all optional evidence alone.
func full(name string, v Verdict, arrange func(*World)) Scenario {
	return Scenario{Name: name, Arrange: arrange, Full: v}
}

// differs demands one verdict of the bare evidence, and a better one of all of it.
func differs(name string, bare, full Verdict, arrange func(*World)) Scenario {
	return Scenario{Name: name, Arrange: arrange, Bare: bare, Full: full}
}

// Scenarios lists them all: the healthy ones, then by component, then the warnings.
func Scenarios() []Scenario {
	all := slices.Concat(healthyScenarios, vaultScenarios, mountScenarios, roleScenarios, reviewerScenarios, secretScenarios,
		vaultToKubernetesScenarios, accessReviewScenarios, kubernetesScenarios, canaryScenarios, exporterScenarios, warningScenarios)
	faults := lab.Faults()
	for i, s := range all {
		if s.Bare == (Verdict{}) && s.Full == (Verdict{}) {
			of := slices.IndexFunc(faults, func(f lab.Fault) bool { return f.Name == s.Name })
			if of < 0 {
				panic("neither the lab nor the scenario says what is expected of " + s.Name)
			}
			all[i].Bare, all[i].Full = verdictOf(faults[of].Bare), verdictOf(faults[of].Full)
		}
	}
	return all
}

func verdictOf(v lab.Verdict) Verdict {
	return Verdict{diagnose.Reason(v.Reason), diagnose.Certainty(v.Certainty), diagnose.WarningCode(v.Warning)}
}

// Play breaks the world as a scenario does, with all optional evidence at hand or
// with none, and makes the run that must see it.
func (w *World) Play(s Scenario, complete bool) probe.Result {
	if complete {
		w.Complete()
	}
	var memory probe.Memory
	if s.Before != nil {
		s.Before(w)
		for range 10 {
			_, memory = w.Probe(memory)
		}
	}
	s.Arrange(w)
	result, _ := w.Probe(memory)
	return result
}

// Play plays the scenario of this name in a world of its own.
func Play(t testing.TB, name string, complete bool) probe.Result {
	t.Helper()
	scenarios := Scenarios()
	i := slices.IndexFunc(scenarios, func(s Scenario) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no scenario is called %s", name)
	}
	return NewWorld(t).Play(scenarios[i], complete)
}

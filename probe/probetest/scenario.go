package probetest

import (
	"slices"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// Scenario is one fault and the verdicts that the exporter must reach.
type Scenario struct {
	// Name is the name of its twin among the lab's faults, or else begins with the reason.
	Name string
	// Before prepares the world for earlier runs, if those matter: ten of them are made
	// before Arrange, so that the next run reads the mount again.
	Before func(*World)
	// Arrange breaks a healthy world.
	Arrange func(*World)
	// Bare is the verdict without optional evidence, Full the verdict with all of it. The
	// scenario is not played where the verdict is empty.
	Bare, Full Verdict
}

// Verdict is an expected verdict. Warning is a warning that must be raised, if any.
type Verdict struct {
	Reason    diagnose.Reason
	Certainty diagnose.Certainty
	Warning   diagnose.WarningCode
}

const none = diagnose.None

func proven(reason diagnose.Reason) Verdict {
	return Verdict{Reason: reason, Certainty: diagnose.Proven}
}

func byElimination(reason diagnose.Reason) Verdict {
	return Verdict{Reason: reason, Certainty: diagnose.ByElimination}
}

// warned is a healthy verdict with a warning.
func warned(code diagnose.WarningCode) Verdict { return Verdict{none, diagnose.Proven, code} }

// twin is a scenario whose verdicts are in the lab's table, under its name.
func twin(name string, arrange func(*World)) Scenario { return Scenario{Name: name, Arrange: arrange} }

// same expects the same verdict without and with optional evidence.
func same(name string, v Verdict, arrange func(*World)) Scenario {
	return Scenario{Name: name, Arrange: arrange, Bare: v, Full: v}
}

// bare is played only without optional evidence.
func bare(name string, v Verdict, arrange func(*World)) Scenario {
	return Scenario{Name: name, Arrange: arrange, Bare: v}
}

// full is played only with all optional evidence.
func full(name string, v Verdict, arrange func(*World)) Scenario {
	return Scenario{Name: name, Arrange: arrange, Full: v}
}

// differs expects one verdict without optional evidence and a better one with all of it.
func differs(name string, without, with Verdict, arrange func(*World)) Scenario {
	return Scenario{Name: name, Arrange: arrange, Bare: without, Full: with}
}

// Scenarios lists every scenario: the healthy ones, then by component, then the warnings.
func Scenarios() []Scenario {
	all := slices.Concat(healthyScenarios, vaultScenarios, mountScenarios, roleScenarios, reviewerScenarios, secretScenarios,
		vaultToKubernetesScenarios, accessReviewScenarios, kubernetesScenarios, canaryScenarios, exporterScenarios, warningScenarios)
	faults := lab.Faults()
	for i, s := range all {
		if s.Bare == (Verdict{}) && s.Full == (Verdict{}) {
			of := slices.IndexFunc(faults, func(f lab.Fault) bool { return f.Name == s.Name })
			if of < 0 {
				panic("neither the lab nor the scenario has a verdict for " + s.Name)
			}
			all[i].Bare, all[i].Full = verdictOf(faults[of].Bare), verdictOf(faults[of].Full)
		}
	}
	return all
}

func verdictOf(v lab.Verdict) Verdict {
	return Verdict{diagnose.Reason(v.Reason), diagnose.Certainty(v.Certainty), diagnose.WarningCode(v.Warning)}
}

// Play is PlayWith all optional evidence or none.
func (w *World) Play(s Scenario, complete bool) probe.Result {
	if complete {
		return w.PlayWith(s, Everything)
	}
	return w.PlayWith(s, Extra{})
}

// PlayWith arranges the world for a scenario, with this optional evidence, and returns the
// run that must find the fault.
func (w *World) PlayWith(s Scenario, extra Extra) probe.Result {
	w.give(extra)
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

// Play plays the scenario of this name in a new world, with this optional evidence, at servers
// that differ from the lab's as the installation says.
func Play(t testing.TB, name string, extra Extra, installation lab.Installation) probe.Result {
	t.Helper()
	scenarios := Scenarios()
	i := slices.IndexFunc(scenarios, func(s Scenario) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no scenario is called %s", name)
	}
	w := NewWorld(t)
	w.Vault.Change(func(v *Vault) {
		v.Plugin = installation.Plugin
		if installation.IsOpenBao() {
			v.Dialect = OpenBao
		}
	})
	w.Kubernetes.Change(func(k *Kubernetes) {
		k.TriesAllKeys = !installation.FindsKeys()
		if installation.NoSelfReview {
			k.Handlers["selfsubjectreviews"] = noResource
		}
	})
	return w.PlayWith(scenarios[i], extra)
}

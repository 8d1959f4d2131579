package soak

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

func draw(seed uint64, steps int) []step {
	s := newSchedule(seed)
	drawn := make([]step, 0, steps)
	for range steps {
		drawn = append(drawn, s.next())
	}
	return drawn
}

func TestScheduleDependsOnTheSeedAlone(t *testing.T) {
	if diff := cmp.Diff(format(draw(7, 200)), format(draw(7, 200))); diff != "" {
		t.Errorf("one seed leads to two schedules:\n%s", diff)
	}
	if format(draw(7, 20)) == format(draw(8, 20)) {
		t.Error("two seeds lead to one schedule")
	}
}

func TestStepsCanBeReadAgain(t *testing.T) {
	want := draw(3, 500)
	got, err := parse(format(want))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(format(want), format(got)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	for _, wrong := range []string{"inject", "inject vault_sealed", "inject vault_sealed, soon", "heal all, soon"} {
		if steps, err := parse(wrong); err == nil {
			t.Errorf("%q was read as %v", wrong, steps)
		}
	}
}

// TestScheduleKeepsItsRules plays schedules without a lab. Every fault and every action comes up.
func TestScheduleKeepsItsRules(t *testing.T) {
	faults, actions := map[string]bool{}, map[action]bool{}
	for seed := range uint64(50) {
		var holding []lab.Fault
		for _, s := range draw(seed, 200) {
			actions[s.do] = true
			switch s.do {
			case injectFault:
				f, err := lab.FindFault(s.of)
				if err != nil {
					t.Fatal(err)
				}
				for _, other := range holding {
					if !joins(f, other) {
						t.Errorf("seed %d: %s while %s holds", seed, f.Name, other.Name)
					}
				}
				faults[s.of] = true
				if holding = append(holding, f); len(holding) > 2 {
					t.Errorf("seed %d: %d faults at once", seed, len(holding))
				}
			case healFault:
				if s.of == allFaults {
					holding = nil
				} else if last := len(holding) - 1; holding[last].Name == s.of {
					holding = holding[:last]
				} else {
					t.Errorf("seed %d: %s is healed before %s", seed, s.of, holding[last].Name)
				}
			}
		}
	}
	for _, of := range pool() {
		for _, f := range of {
			if !faults[f.Name] {
				t.Errorf("%s never came up", f.Name)
			}
		}
	}
	if len(actions) != 10 {
		t.Errorf("only the actions %v came up", actions)
	}
}

func TestEveryFaultHasAPart(t *testing.T) {
	for _, f := range pool()[""] {
		t.Errorf("%s has no part of the lab", f.Name)
	}
}

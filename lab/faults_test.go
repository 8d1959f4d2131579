package lab

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestFaultsAreComplete(t *testing.T) {
	snake := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	var names []string
	for _, f := range Faults() {
		names = append(names, f.Name)
		if !snake.MatchString(f.Name) {
			t.Errorf("name %q is not snake case", f.Name)
		}
		for _, v := range []Verdict{f.Bare, f.Full} {
			if !snake.MatchString(v.Reason) || v.Certainty != "proven" && v.Certainty != "by_elimination" {
				t.Errorf("%s: %+v is not a verdict", f.Name, v)
			}
		}
		if f.Summary == "" || strings.HasSuffix(f.Summary, ".") {
			t.Errorf("%s: summary %q is empty or ends with a full stop", f.Name, f.Summary)
		}
		if f.Inject == nil || f.Heal == nil {
			t.Errorf("%s cannot be injected and healed", f.Name)
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("the faults are not sorted: %v", names)
	}
	if unique := slices.Compact(slices.Clone(names)); len(unique) != len(names) {
		t.Errorf("two faults have the same name: %v", names)
	}
}

// The exporter must prove 70 % of the faults without optional evidence, and 95 % with all of it.
func TestShareOfProvenVerdicts(t *testing.T) {
	bare, full := 0, 0
	for _, f := range Faults() {
		if f.Bare.Certainty == "proven" {
			bare++
		}
		if f.Full.Certainty == "proven" {
			full++
		}
	}
	if all := len(Faults()); 100*bare < 70*all || 100*full < 95*all {
		t.Errorf("of %d faults, %d are proven with bare and %d with all evidence", all, bare, full)
	}
}

func TestUnknownFaultListsTheNames(t *testing.T) {
	err := new(Lab).Inject(t.Context(), "nonsense")
	if !errors.Is(err, ErrUnknownFault) {
		t.Fatalf("got %v", err)
	}
	for _, f := range Faults() {
		if !strings.Contains(err.Error(), f.Name) {
			t.Errorf("%q does not name %s", err, f.Name)
		}
	}
}

func TestInjectThatFailsCountsAsInjected(t *testing.T) {
	p := proxyToEcho(t)
	l := &Lab{vaultProxy: p}
	failing := errors.New("half way")
	err := l.inject(t.Context(), Fault{
		Name:   "vault_unreachable",
		Inject: func(context.Context, *Lab) error { return errors.Join(failing, p.refuse()) },
	})
	if !errors.Is(err, failing) {
		t.Fatalf("got %v, want the error of the fault", err)
	}
	if healed, err := l.Heal(t.Context()); err != nil || !slices.Equal(healed, []string{"vault_unreachable"}) {
		t.Fatalf("healed %v, %v", healed, err)
	}
	wantEcho(t, dial(t, p))
}

func TestHealUndoesInReverseOrder(t *testing.T) {
	l := &Lab{vaultProxy: proxyToEcho(t), kubernetesProxy: proxyToEcho(t)}
	for _, name := range []string{"vault_unreachable", "kubernetes_unreachable", "vault_unreachable"} {
		if err := l.Inject(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"vault_unreachable", "kubernetes_unreachable"}
	if healed, err := l.Heal(t.Context()); err != nil || !slices.Equal(healed, want) {
		t.Errorf("healed %v, %v; want %v", healed, err, want)
	}
	if left := l.Injected(); len(left) != 0 {
		t.Errorf("still injected: %v", left)
	}
}

func TestFullEnvBeginsWithEnv(t *testing.T) {
	p := &proxy{address: "127.0.0.1:1"}
	l := &Lab{dir: &RunDir{path: "/run/lab"}, vaultProxy: p, kubernetesProxy: p}
	env, fullEnv := l.Env(), l.FullEnv()
	if len(fullEnv) <= len(env) || !slices.Equal(fullEnv[:len(env)], env) {
		t.Errorf("%v does not begin with %v", fullEnv, env)
	}
}

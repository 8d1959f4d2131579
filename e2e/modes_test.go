package e2e

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

var update = flag.Bool("update", false, "write docs/modes.md")

const modesPage = "../docs/modes.md"

// grants are what an exporter may be given besides what its mode requires, from nothing to everything.
var grants = []struct {
	name  string
	extra probetest.Extra
}{
	{"nothing", probetest.Extra{}},
	{"config", probetest.Extra{Config: true}},
	{"role", probetest.Extra{Role: true}},
	{"identity", probetest.Extra{Identity: true}},
	{"config and role", probetest.Extra{Config: true, Role: true}},
	{"all three", probetest.Extra{Config: true, Role: true, Identity: true}},
}

// verdicts are those of one fault in one mode, in the order of grants. A fault that is not played in
// the mode has none.
type verdicts []probetest.Verdict

// A modeRow is one fault in every mode, in the order of probetest.Modes.
type modeRow struct {
	fault lab.Fault
	modes []verdicts
}

func (r modeRow) cause() diagnose.Reason { return diagnose.Reason(r.fault.Full.Reason) }

// TestModesPage plays every fault in every mode with each kind of optional evidence, with fakes, and
// holds docs/modes.md against the verdicts. It is here, and not a unit test, for the time that it takes.
func TestModesPage(t *testing.T) {
	t.Parallel()
	rows := playModes(t, probetest.HTTP2)
	for i, overHTTP1 := range playModes(t, probetest.HTTP1) {
		if diff := cmp.Diff(rows[i].modes, overHTTP1.modes); diff != "" {
			t.Errorf("%s (-HTTP/2 +HTTP/1.1):\n%s", rows[i].fault.Name, diff)
		}
	}
	for _, r := range rows {
		for i, m := range probetest.Modes {
			for j, v := range r.modes[i] {
				played := fmt.Sprintf("%s, %s, %s", r.fault.Name, m.Source, grants[j].name)
				checkVerdictIn(t, played, r.cause(), grants[j].extra, v)
				checkNotWeaker(t, played, r.modes[i], j)
			}
		}
	}
	page := modesPageOf(rows)
	if *update {
		if err := os.WriteFile(modesPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(modesPage); err != nil || string(got) != page {
		t.Errorf("docs/modes.md is stale (%v); go test ./e2e -run Modes -update writes it", err)
	}
}

// checkVerdictIn requires that a proven verdict is about the component that is broken, and that nothing
// is unexplained but what only the config would tell.
func checkVerdictIn(t *testing.T, played string, cause diagnose.Reason, extra probetest.Extra, v probetest.Verdict) {
	t.Helper()
	onlyConfigTells := cause == diagnose.RoleCIDRMismatch || cause == diagnose.MountPEMKeysMismatch
	switch {
	case v.Reason == diagnose.Unexplained && (extra.Config || !onlyConfigTells):
		t.Errorf("%s: unexplained", played)
	case v.Certainty == diagnose.Proven && v.Reason != diagnose.None && v.Reason.Component() != cause.Component():
		t.Errorf("%s: %s is proven, but the cause is %s", played, v.Reason, cause)
	}
}

// checkNotWeaker requires that what is proven with less evidence is proven with more.
func checkNotWeaker(t *testing.T, played string, all verdicts, grant int) {
	t.Helper()
	for j := range grants {
		if isPartOf(grants[j].extra, grants[grant].extra) && all[j].Certainty == diagnose.Proven && all[grant].Certainty != diagnose.Proven {
			t.Errorf("%s: not proven, although it is with %s", played, grants[j].name)
		}
	}
}

// playModes returns the rows of all faults that keep pods out, but those about one mode.
func playModes(t *testing.T, over probetest.Protocol) []modeRow {
	t.Helper()
	var rows []modeRow
	var mu sync.Mutex // guards rows
	scenarios := probetest.Scenarios()
	t.Run("play over "+string(over), func(t *testing.T) {
		for _, f := range lab.Faults() {
			if f.Bare.Reason == "none" {
				continue
			}
			s := scenarios[slices.IndexFunc(scenarios, func(s probetest.Scenario) bool { return s.Name == f.Name })]
			t.Run(f.Name, func(t *testing.T) {
				t.Parallel()
				row := modeRow{fault: f, modes: make([]verdicts, len(probetest.Modes))}
				var plays sync.WaitGroup // most of a play of what hangs is waiting
				for i, m := range probetest.Modes {
					plays.Go(func() { row.modes[i] = playMode(t, over, s, m) })
				}
				plays.Wait()
				if row.modes[0] == nil {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				rows = append(rows, row)
			})
		}
	})
	slices.SortFunc(rows, func(a, b modeRow) int { return strings.Compare(a.fault.Name, b.fault.Name) })
	return rows
}

// playMode plays a fault with nothing and with everything and, only where that differs, with what is
// between.
func playMode(t *testing.T, over probetest.Protocol, s probetest.Scenario, m probetest.Mode) verdicts {
	t.Helper()
	all := make(verdicts, len(grants))
	play := func(i int) bool {
		v, ok := probetest.NewWorldOver(t, over).PlayIn(m, s, grants[i].extra)
		all[i] = v
		return ok
	}
	last := len(grants) - 1
	if !play(0) || !play(last) {
		return nil
	}
	for i := 1; i < last; i++ {
		if all[i] = all[0]; all[0] != all[last] {
			play(i)
		}
	}
	return all
}

package e2e

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

var update = flag.Bool("update", false, "write docs/modes.md")

const modesPage = "../docs/modes.md"

// TestModesPage plays every fault in every mode with fakes, and holds docs/modes.md against it. With
// all evidence nothing may be unexplained. It is here, and not a unit test, for the time that it takes.
func TestModesPage(t *testing.T) {
	cells := playModes(t)
	page := modesHeader
	for _, f := range lab.Faults() {
		if cells[f.Name]["file"] == "" { // a warning, or a fault of one mode
			continue
		}
		page += "| " + f.Summary + " | `" + f.Full.Reason + "` |"
		for _, m := range probetest.Modes {
			page += " " + cmp.Or(cells[f.Name][string(m.Source)], "–") + " |"
		}
		page += "\n"
	}
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

// playModes returns the cells by fault and mode.
func playModes(t *testing.T) map[string]map[string]string {
	t.Helper()
	cells, mu := map[string]map[string]string{}, sync.Mutex{}
	expected := map[string]lab.Fault{}
	for _, f := range lab.Faults() {
		expected[f.Name] = f
	}
	t.Run("play", func(t *testing.T) {
		for _, s := range probetest.Scenarios() {
			f, isFault := expected[s.Name]
			if !isFault || f.Bare.Reason == "none" {
				continue
			}
			t.Run(s.Name, func(t *testing.T) {
				t.Parallel()
				row := map[string]string{}
				for _, m := range probetest.Modes {
					if cell, ok := playMode(t, s, m, diagnose.Reason(f.Full.Reason)); ok {
						row[string(m.Source)] = cell
					}
				}
				mu.Lock()
				defer mu.Unlock()
				cells[s.Name] = row
			})
		}
	})
	return cells
}

// playMode is what is said without and with all optional evidence, in words that are short where it
// is the cause itself.
func playMode(t *testing.T, s probetest.Scenario, m probetest.Mode, cause diagnose.Reason) (cell string, ok bool) {
	t.Helper()
	says := func(complete bool) string {
		v, played := probetest.NewWorld(t).PlayIn(m, s, complete)
		ok = played
		if complete && v.Reason == diagnose.Unexplained {
			t.Errorf("%s: unexplained with all evidence", m.Source)
		}
		certainty := map[diagnose.Certainty]string{diagnose.Proven: "proven", diagnose.ByElimination: "likely"}[v.Certainty]
		switch v.Reason {
		case cause:
			return certainty
		case diagnose.None:
			return "not affected"
		}
		return fmt.Sprintf("%s `%s`", certainty, v.Reason)
	}
	without, with := says(false), says(true)
	if without == with {
		return without, ok
	}
	return without + " → " + with, ok
}

var modesHeader = strings.TrimLeft(`
# What is found in which mode

Each fault of the lab, and what the exporter says of it for each value of `+"`EXPORTER_REVIEWER`"+` (see
[configuration.md](configuration.md#the-reviewer)). *Proven* and *likely* (by elimination) mean that the cause in the second column is
named; otherwise the reason that is named follows. After the arrow: with all optional [evidence](evidence.md), where that says more.
Servers that hang are left out: what is found of them depends on which end gives up first.

This page is written by `+"`go test ./e2e -run Modes -update`"+`, from plays against fakes that agree with the lab.

| what is broken | cause | `+"`file` | `secret` | `serviceaccount` | `accessreview` | `canary`"+` |
|---|---|---|---|---|---|---|
`, "\n")

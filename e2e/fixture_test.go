package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// An evidenceLevel is how much the exporter is configured to see, and the verdict that it must then
// give.
type evidenceLevel struct {
	name  string
	env   func(*lab.Lab) []string
	extra probetest.Extra
	want  func(lab.Fault) lab.Verdict
}

var evidenceLevels = []evidenceLevel{
	{"bare evidence", (*lab.Lab).Env, probetest.Extra{}, func(f lab.Fault) lab.Verdict { return f.Bare }},
	{"all evidence", (*lab.Lab).FullEnv, probetest.Everything, func(f lab.Fault) lab.Verdict { return f.Full }},
}

// A fixture is a lab and one exporter per evidence level. A test of a fault mostly waits for the
// exporter's next run, so several fixtures run in parallel.
type fixture struct {
	lab       *lab.Lab
	exporters []*process // one per evidence level
}

// startLab starts a lab that is closed at the end of the test.
func startLab(t *testing.T) *lab.Lab {
	t.Helper()
	return startLabWith(t, shared.installation)
}

// faultsOf are the lab's faults that can occur in the installation.
func faultsOf(installation lab.Installation) []lab.Fault {
	return slices.DeleteFunc(lab.Faults(), func(f lab.Fault) bool { return !f.CanOccur(installation) })
}

// startLabWith is startLab for an installation that differs.
func startLabWith(t *testing.T, installation lab.Installation) *lab.Lab {
	t.Helper()
	l, err := lab.Start(t.Context(), lab.Options{Commands: true, Installation: installation})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	l := startLab(t)
	f := fixture{lab: l}
	for _, level := range evidenceLevels {
		f.exporters = append(f.exporters, serve(t, environment(level.env(l))))
	}
	f.waitHealthy(t)
	return f
}

// testFault injects a fault, requires the verdict at every evidence level, heals the fault, and
// requires health.
func (f fixture) testFault(t *testing.T, fault lab.Fault, m *matrix) {
	t.Helper()
	f.heal(t) // a test that failed may have left its fault
	logged := f.verdictChanges()
	if err := f.lab.Inject(t.Context(), fault.Name); err != nil {
		t.Fatal(err)
	}
	injected := time.Now()
	for i, level := range evidenceLevels {
		exporter, env := f.exporters[i], environment(level.env(f.lab), f.lab.Expand(fault.Env)...)
		if fault.Env != nil {
			exporter = serve(t, env)
		}
		want := wantIn(t, shared.installation, fault, level)
		f.waitFor(t, exporter, want.Reason, func(e exposition) bool {
			return e.label("verdict_info", "reason") == want.Reason && e.label("verdict_info", "certainty") == want.Certainty
		})
		elapsed := time.Since(injected)
		wantUp(t, scrape(t, exporter.address("")), want)
		m.record(fault, level, wantReport(t, env, want), elapsed)
	}
	f.heal(t)
	f.waitHealthy(t)
	for i, level := range evidenceLevels {
		if o, r := check(t, environment(level.env(f.lab))); o.code != 0 || !r.Targets[0].Healthy {
			t.Errorf("after healing, check exits with %d: %s", o.code, o.stdout)
		}
		if got := f.verdictChanges()[i] - logged[i]; fault.Env == nil && wantIn(t, shared.installation, fault, level).Reason != "none" && got < 2 {
			t.Errorf("%s: %d changes of verdict were logged, want at least 2: to the fault and back", level.name, got)
		}
	}
}

func (f fixture) heal(t *testing.T) {
	t.Helper()
	if _, err := f.lab.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (f fixture) verdictChanges() []int {
	var counts []int
	for _, exporter := range f.exporters {
		counts = append(counts, exporter.verdictChanges())
	}
	return counts
}

func (f fixture) waitHealthy(t *testing.T) {
	t.Helper()
	for _, exporter := range f.exporters {
		f.waitFor(t, exporter, "health", func(e exposition) bool { return e.verdict() == healthyVerdict })
	}
}

// detectionTimeout is how soon the metrics must show a fault, or that it is healed: one interval of
// 8 s, one run (the timeout of 1 s plus 7 s), and 1 s for the scrape.
const detectionTimeout = 8*time.Second + (1+7)*time.Second + time.Second

// waitFor waits until holds returns true for a scrape. If it does not within detectionTimeout, it
// prints the metrics, Vault's login errors and the exporter's log.
func (f fixture) waitFor(t *testing.T, exporter *process, what string, holds func(exposition) bool) time.Duration {
	t.Helper()
	return waitFor(t, f.lab, exporter, what, holds)
}

func waitFor(t *testing.T, l *lab.Lab, exporter *process, what string, holds func(exposition) bool) time.Duration {
	t.Helper()
	metrics, last := exporter.address(""), ""
	return eventually(t, detectionTimeout, what, func() bool {
		e := scrape(t, metrics)
		last = e.verdict()
		return holds(e)
	}, func() string {
		refusals, _ := l.LoginErrors()
		return fmt.Sprintf("metrics: %s\nVault's login errors: %q\nthe exporter's log:\n%s", last, tail(refusals, 3), exporter.out)
	})
}

// wantUp requires up to be absent for a fault of the exporter's own tokens or permissions: that
// says nothing about pods.
func wantUp(t *testing.T, e exposition, want lab.Verdict) {
	t.Helper()
	up := "0"
	switch component := e.label("verdict_info", "component"); {
	case want.Reason == "none":
		up = "1"
	case component == "canary", component == "exporter":
		up = "absent"
	}
	if got := e.value("up"); got != up {
		t.Errorf("up is %s, want %s: %s", got, up, e.verdict())
	}
}

// wantReport requires the verdict in the JSON and the text of check, and returns the one in the
// JSON.
func wantReport(t *testing.T, env []string, want lab.Verdict) lab.Verdict {
	t.Helper()
	o, r := check(t, env)
	target, code := r.Targets[0], 1
	if want.Reason == "none" {
		code = 0
	}
	if o.code != code || target.Reason != want.Reason || target.Certainty != want.Certainty {
		t.Errorf("check exits with %d and reports %s, %s (%s), want %s, %s", o.code, target.Reason, target.Certainty, target.Detail, want.Reason, want.Certainty)
	}
	if want.Reason != "none" && (len(target.Check)+len(target.Fix)+len(target.Notes) == 0 || len(target.Because) == 0 || target.Runbook != "https://github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/blob/main/docs/reasons.md#"+want.Reason) {
		t.Errorf("the report lacks a fix, an explanation or the runbook: %+v", target)
	}
	if want.Warning != "" && !target.warns(want.Warning) {
		t.Errorf("check has the warnings %+v, want %s", target.Warnings, want.Warning)
	}
	if text := run(t, env, "check"); text.code != code || !strings.Contains(text.stdout, "  why  ") || !strings.Contains(text.stdout, strings.TrimPrefix(want.Reason, "none")) {
		t.Errorf("the text output of check exits with %d or lacks the verdict:\n%s", text.code, text.stdout)
	}
	return lab.Verdict{Reason: target.Reason, Certainty: target.Certainty, Warning: want.Warning}
}

func tail(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// column is how much an exporter is given to see, and what it must then say.
type evidenceLevel struct {
	name string
	env  func(*lab.Lab) []string
	want func(lab.Fault) lab.Verdict
}

var evidenceLevels = []evidenceLevel{
	{"bare evidence", (*lab.Lab).Env, func(f lab.Fault) lab.Verdict { return f.Bare }},
	{"all evidence", (*lab.Lab).FullEnv, func(f lab.Fault) lab.Verdict { return f.Full }},
}

// crew is a lab of its own and an exporter for each column. Most of a fault's time is
// waiting for the next run, so several crews work side by side.
type fixture struct {
	lab       *lab.Lab
	exporters []*process // one a column
}

// start starts a lab that ends with the test.
func startLab(t *testing.T) *lab.Lab {
	t.Helper()
	l, err := lab.Start(t.Context(), lab.Options{})
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

// play injects a fault, holds every column to its verdict, heals, and waits for health.
func (f fixture) testFault(t *testing.T, fault lab.Fault, m *matrix) {
	t.Helper()
	f.heal(t) // a fault that failed before this one left nothing
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
		want := level.want(fault)
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
			t.Errorf("after heal check ends with %d: %s", o.code, o.stdout)
		}
		if got := f.verdictChanges()[i] - logged[i]; fault.Env == nil && level.want(fault).Reason != "none" && got < 2 {
			t.Errorf("%s: %d changes of verdict were logged, want one there and one back", level.name, got)
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

// shown is how soon a fault or its mending must show: one interval and one run, and
// a second for the scrape.
const detectionTimeout = 8*time.Second + (1+7)*time.Second + time.Second

// waitFor waits until the metrics say so, and tells all where they do not.
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
		return fmt.Sprintf("the metrics say: %s\nVault says: %q\nthe exporter says:\n%s", last, tail(refusals, 3), exporter.out)
	})
}

// checkUp holds up against the component: our own fault says nothing about pods.
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

// checkReport holds both reports of check to the verdict, and returns what they give.
func wantReport(t *testing.T, env []string, want lab.Verdict) lab.Verdict {
	t.Helper()
	o, r := check(t, env)
	target, code := r.Targets[0], 1
	if want.Reason == "none" {
		code = 0
	}
	if o.code != code || target.Reason != want.Reason || target.Certainty != want.Certainty {
		t.Errorf("check ends with %d and says %s, %s (%s), want %s, %s", o.code, target.Reason, target.Certainty, target.Detail, want.Reason, want.Certainty)
	}
	if want.Reason != "none" && (len(target.Fix) == 0 || len(target.Because) == 0 || target.Runbook != "docs/reasons.md#"+want.Reason) {
		t.Errorf("check does not explain itself: %+v", target)
	}
	if want.Warning != "" && !target.warns(want.Warning) {
		t.Errorf("check warns of %+v, want %s", target.Warnings, want.Warning)
	}
	if text := run(t, env, "check"); text.code != code || !strings.Contains(text.stdout, "  why  ") || !strings.Contains(text.stdout, strings.TrimPrefix(want.Reason, "none")) {
		t.Errorf("check in words ends with %d:\n%s", text.code, text.stdout)
	}
	return lab.Verdict{Reason: target.Reason, Certainty: target.Certainty, Warning: want.Warning}
}

func tail(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }

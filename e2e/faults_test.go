package e2e

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vault-k8s-auth-exporter/lab"
)

// TestFaults breaks the lab in every way that it knows, and wants the one cause
// named everywhere: metrics, report, log.
func TestFaults(t *testing.T) {
	e := serve(t, environment())
	tick := e.start()
	var rows table
	for _, fault := range lab.Faults() {
		t.Run(fault.Name, func(t *testing.T) {
			row := &row{fault: fault.Name, expected: fault.Reason}
			defer func() { rows = append(rows, row) }()
			e := e.in(t)
			e.awaitCalm(tick)
			breakIt(e, fault, row)
			e.awaitCalm(tick)
			mendIt(e, row)
		})
	}
	t.Log("\n" + rows.String())
	e.end()
	wantTokens(t, 0)
}

// in is the same exporter, failing another test.
func (e *exporter) in(t *testing.T) *exporter {
	other := *e
	other.t = t
	return &other
}

// breakIt injects a fault and wants it told.
func breakIt(e *exporter, fault lab.Fault, row *row) {
	e.t.Helper()
	logged := len(e.log.changes())
	inject(e.t, fault.Name)
	began := time.Now()
	m := e.awaitVerdict(fault.Reason)
	row.broken, row.metrics = time.Since(began), m.verdict()
	e.wantUnhealthy(m, fault.Reason)
	e.wantReports(fault.Reason, row)
	e.wantSteady(logged, fault.Reason)
}

// mendIt heals all and wants that told.
func mendIt(e *exporter, row *row) {
	e.t.Helper()
	logged := len(e.log.changes())
	heal(e.t)
	began := time.Now()
	m := e.awaitVerdict(healthy.reason)
	row.healed = time.Since(began)
	e.wantHealthy(m)
	if got := checkJSON(e.t, environment()); !got.Healthy || got.Reason != healthy.reason {
		e.t.Errorf("healed, check says %s: %s", got.Reason, got.Detail)
	}
	e.wantHealthy(e.wantSteady(logged, healthy.reason))
}

func (e *exporter) wantUnhealthy(m metrics, reason string) {
	e.t.Helper()
	want := "0"
	if party := m.verdict().party; party == "canary" || party == "exporter" {
		want = "absent"
	}
	if got := m.shows("up"); got != want {
		e.t.Errorf("up is %s, want %s; %s", got, want, e.explain())
	}
	if m.sum("probe_failure_reasons_total") == 0 {
		e.t.Error("no failure is counted")
	}
	last := m.named("last_failure_info")
	if len(last) != 1 || last[0].labels["reason"] != reason {
		e.t.Errorf("last_failure_info is %v", last)
	}
}

// wantReports asks check for both of its reports at the same time.
func (e *exporter) wantReports(reason string, row *row) {
	e.t.Helper()
	var asking sync.WaitGroup
	asking.Go(func() { row.check = wantJSON(e.t, reason) })
	asking.Go(func() { wantText(e.t, reason) })
	asking.Wait()
}

func wantJSON(t *testing.T, reason string) (got string) {
	t.Helper()
	end := run(t, environment(), "check", "--output", "json")
	r := decode(t, end)
	if end.code != 1 || end.stderr != "" || r.Healthy || r.Reason != reason {
		t.Errorf("check says %s (%s), want %s; exit code %d, stderr %q\n%s", r.Reason, r.Detail, reason, end.code, end.stderr, end.stdout)
	}
	if len(r.Fix) == 0 || len(r.Because) == 0 || r.Detail == "" || !strings.Contains(r.Runbook, reason) {
		t.Errorf("check leaves one alone: fix %q, because %q, detail %q, runbook %q", r.Fix, r.Because, r.Detail, r.Runbook)
	}
	return r.Reason
}

func wantText(t *testing.T, reason string) {
	t.Helper()
	end := run(t, environment(), "check")
	if end.code != 1 || end.stderr != "" {
		t.Errorf("check: exit code %d, stderr %q", end.code, end.stderr)
	}
	for _, part := range []string{"UNHEALTHY, " + reason + " (", "\n  why  ", "\n  fix  ", "\n  see  "} {
		if strings.Count(end.stdout, part) != 1 {
			t.Errorf("check does not say %q once:\n%s", part, end.stdout)
		}
	}
}

// wantSteady wants the verdict to stay, and to have been logged once since then.
func (e *exporter) wantSteady(logged int, reason string) metrics {
	e.t.Helper()
	m := e.awaitRuns(1)
	if got := m.verdict().reason; got != reason {
		e.t.Errorf("the next run says %s; %s", got, e.explain())
	}
	if changes := e.log.changes()[logged:]; !slices.Equal(changes, []string{reason}) {
		e.t.Errorf("verdicts logged as new: %q, want %q", changes, reason)
	}
	return m
}

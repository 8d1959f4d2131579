package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vault-k8s-auth-exporter/lab"
)

// shown is how soon a fault or its mending must show: one interval and one run, and
// a second for the scrape.
const shown = 8*time.Second + (1+7)*time.Second + time.Second

// TestFaults injects every fault of the lab, and asks metrics and check for the
// reason that its table demands.
func TestFaults(t *testing.T) {
	exporter := serve(t, environment())
	metrics := exporter.address("")
	waitFor(t, exporter, metrics, "health", func(e exposition) bool { return e.verdict() == wellVerdict })

	var table strings.Builder
	for _, fault := range lab.Faults() {
		t.Run(fault.Name, func(t *testing.T) {
			if err := world.lab.Inject(t.Context(), fault.Name); err != nil {
				t.Fatal(err)
			}
			logged := exporter.changes()
			broken := waitFor(t, exporter, metrics, fault.Bare.Reason, func(e exposition) bool {
				return e.label("verdict_info", "reason") == fault.Bare.Reason
			})
			verdict := scrape(t, metrics)
			checkUp(t, verdict)
			certainty := checkReport(t, fault, verdict)
			if _, err := world.lab.Heal(t.Context()); err != nil {
				t.Fatal(err)
			}
			mended := waitFor(t, exporter, metrics, "health", func(e exposition) bool { return e.verdict() == wellVerdict })
			if o, r := check(t); o.code != 0 || !r.Targets[0].Healthy {
				t.Errorf("after heal check ends with %d: %s", o.code, o.stdout)
			}
			if got := exporter.changes() - logged; got < 2 {
				t.Errorf("%d changes of verdict were logged, want one there and one back", got)
			}
			fmt.Fprintf(&table, "%-28s %-28s %-15s %6.1f s %6.1f s\n", fault.Name, fault.Bare.Reason, certainty, broken.Seconds(), mended.Seconds())
		})
	}
	t.Logf("each fault, the reason given by metrics and check, its certainty, seconds to the metric, seconds back:\n%s", &table)
	if code, took := exporter.terminate(); code != 0 || took > 5*time.Second {
		t.Errorf("SIGTERM ended the exporter with %d after %s", code, took)
	}
}

// checkUp holds up against the party: our own fault says nothing about pods.
func checkUp(t *testing.T, e exposition) {
	t.Helper()
	want := "0"
	switch e.label("verdict_info", "party") {
	case "canary", "exporter":
		want = "absent"
	}
	if got := e.value("up"); got != want {
		t.Errorf("up is %s, want %s: %s", got, want, e.verdict())
	}
}

func checkReport(t *testing.T, fault lab.Fault, e exposition) (certainty string) {
	t.Helper()
	o, r := check(t)
	target := r.Targets[0]
	if o.code != 1 || target.Healthy || target.Reason != fault.Bare.Reason || target.Party != e.label("verdict_info", "party") {
		t.Errorf("check ends with %d and says %s (%s), want %s", o.code, target.Reason, target.Detail, fault.Bare.Reason)
	}
	if len(target.Fix) == 0 || len(target.Because) == 0 || target.Detail == "" || target.Runbook != "docs/reasons.md#"+fault.Bare.Reason {
		t.Errorf("check does not explain itself: %+v", target)
	}
	if text := run(t, environment(), "check"); text.code != 1 || !strings.Contains(text.stdout, fault.Bare.Reason) || !strings.Contains(text.stdout, "  fix  ") {
		t.Errorf("check in words ends with %d:\n%s", text.code, text.stdout)
	}
	return target.Certainty
}

// waitFor waits until the metrics say so, and tells all where they do not.
func waitFor(t *testing.T, exporter *process, metrics, what string, holds func(exposition) bool) time.Duration {
	t.Helper()
	last := ""
	return eventually(t, shown, what, func() bool {
		e := scrape(t, metrics)
		last = e.verdict()
		return holds(e)
	}, func() string {
		refusals, _ := world.lab.LoginErrors()
		return fmt.Sprintf("the metrics say: %s\nVault says: %q\nthe exporter says:\n%s", last, tail(refusals, 3), exporter.out)
	})
}

func tail(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }

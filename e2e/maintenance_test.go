package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// maintenanceOf is what the API says of a target's maintenance and of its reason.
func maintenanceOf(t *testing.T, address string) (comment string, since time.Time) {
	t.Helper()
	_, body := get(address, "/api/v1/status/default")
	var got struct {
		Since       time.Time
		Maintenance struct{ Comment string }
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return got.Maintenance.Comment, got.Since
}

// failedRuns is how many failed runs are counted, of all components.
func failedRuns(e exposition) (n float64) {
	for _, m := range e["vault_k8s_auth_probe_failures_total"].GetMetric() {
		n += m.GetCounter().GetValue()
	}
	return n
}

// TestMaintenance covers a fault that begins in a planned maintenance and is still there when its entry
// is removed: it is found as always, and counted from then on.
func TestMaintenance(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	file := filepath.Join(t.TempDir(), "targets.yaml")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hour := func(offset time.Duration) string { return time.Now().Add(offset).Format(time.RFC3339) }
	write(fmt.Sprintf("- name: default\n  maintenance:\n    - {begin: %s, end: %s, comment: planned seal}\n", hour(-time.Hour), hour(time.Hour)))
	env := environment(l.Env(), "EXPORTER_TARGETS_FILE="+file)
	p := serve(t, env)
	waitFor(t, l, p, "health", isHealthy)
	if err := l.Inject(t.Context(), "vault_sealed"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, l, p, "the fault", isSealed)
	e := scrape(t, p.address(""))
	if planned, runs, failed := e.value("target_maintenance"), e.counter("probes_total"), failedRuns(e); planned != "1" || runs != 0 || failed != 0 || e.value("up") != "0" {
		t.Errorf("in a maintenance: target_maintenance %s, %v runs, %v failures, up %s", planned, runs, failed, e.value("up"))
	}
	comment, since := maintenanceOf(t, p.address(""))
	if comment != "planned seal" {
		t.Errorf("the API has the comment %q", comment)
	}
	if o := run(t, env, "check"); !strings.Contains(o.stdout, "in maintenance until ") || !strings.Contains(o.stdout, "planned seal") {
		t.Errorf("check says nothing of it:\n%s", o.stdout)
	}

	write("- name: default\n")
	waitFor(t, l, p, "the maintenance to end", func(e exposition) bool { return e.value("target_maintenance") == "absent" })
	eventually(t, detectionTimeout, "a failure to count", func() bool { return failedRuns(scrape(t, p.address(""))) > 0 }, p.out.String)
	if comment, now := maintenanceOf(t, p.address("")); comment != "" || !now.Equal(since) {
		t.Errorf("comment %q, since %s, before %s", comment, now, since)
	}
	began := 0
	for _, l := range p.log() {
		if l.Msg == "Incident began" && l.Reason == "vault_sealed" {
			began++
		}
	}
	if began != 1 {
		t.Errorf("%d incidents of the fault began, want 1", began)
	}
}

package e2e

import (
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

const leadTimesPage = "../docs/lead-times.md"

// A leadTime is what was measured of one of the lab's endings.
type leadTime struct {
	// Announced is how long after the begin the warning was there, Lead how long logins then still
	// worked. Both are 0 if nothing can be said in advance.
	announced, lead time.Duration
	// Failing is how long after the last step logins failed, named how long after that the verdict
	// gave the reason.
	failing, named time.Duration
}

// TestLeadTimesPage measures how long before logins fail the exporter says so, and holds
// docs/lead-times.md against it, whatever the seconds.
func TestLeadTimesPage(t *testing.T) {
	t.Parallel() // it mostly waits for tokens to end
	measured := map[string]*leadTime{}
	for _, ending := range lab.Endings() {
		measured[ending.Name] = new(leadTime)
	}
	t.Run("measure", func(t *testing.T) {
		for _, ending := range lab.Endings() {
			t.Run(ending.Name, func(t *testing.T) {
				t.Parallel()
				*measured[ending.Name] = measureEnding(t, ending)
				t.Logf("%+v", *measured[ending.Name])
			})
		}
	})
	if t.Failed() {
		return
	}
	page := leadTimesPageOf(measured)
	if *update {
		if err := os.WriteFile(leadTimesPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	seconds := regexp.MustCompile(`\d+ s\b`)
	got, err := os.ReadFile(leadTimesPage)
	if err != nil || seconds.ReplaceAllString(string(got), "N s") != seconds.ReplaceAllString(page, "N s") {
		t.Errorf("docs/lead-times.md is stale (%v); go test ./e2e -run LeadTimes -update writes it", err)
	}
}

// measureEnding begins it, waits for the warning, makes the last step, and waits until logins fail
// and the verdict says why.
func measureEnding(t *testing.T, ending lab.Ending) (measured leadTime) {
	l := startLab(t)
	exporter := serve(t, environment(l.FullEnv()))
	waitFor(t, l, exporter, "health", func(e exposition) bool { return e.verdict() == healthyVerdict })

	if err := ending.Begin(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	last := time.Now()
	if ending.Announced != "" {
		// What only the config shows is seen when that is read, on every tenth run.
		measured.announced = eventually(t, 10*8*time.Second+detectionTimeout, ending.Announced, func() bool {
			return scrape(t, exporter.address("")).sample("warning", "warning", ending.Announced) == "1"
		}, func() string { return scrape(t, exporter.address("")).verdict() })
		announced := time.Now()
		defer func() { measured.lead = last.Add(measured.failing).Sub(announced) }()
	}
	if ending.End != nil {
		wantLogins(t, l)
		if err := ending.End(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		last = time.Now()
	}
	measured.failing = untilLoginsFail(t, l, last)
	failing := time.Now()
	waitFor(t, l, exporter, ending.Reason, func(e exposition) bool { return e.label("verdict_info", "reason") == ending.Reason })
	measured.named = time.Since(failing)
	return measured
}

// wantLogins requires that pods can log in for another while.
func wantLogins(t *testing.T, l *lab.Lab) {
	t.Helper()
	for end := time.Now().Add(detectionTimeout); time.Now().Before(end); time.Sleep(time.Second) {
		if err := l.LogInAnew(t.Context()); err != nil {
			t.Fatalf("a login failed after the warning, before the last step: %v", err)
		}
	}
}

// untilLoginsFail waits until logins fail, and returns how long after that time they do.
func untilLoginsFail(t *testing.T, l *lab.Lab, after time.Time) time.Duration {
	t.Helper()
	eventually(t, 4*time.Minute, "logins to fail", func() bool { return l.LogInAnew(t.Context()) != nil }, l.DebugLog)
	return time.Since(after)
}

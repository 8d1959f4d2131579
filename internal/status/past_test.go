package status_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// followed is a page whose incidents are those of a tracker.
type followed struct {
	*fixture
	tracker *incident.Tracker
}

func openFollowed(t *testing.T, targets ...string) followed {
	f := followed{tracker: incident.NewTracker()}
	f.fixture = open(t, status.Options{Incidents: f.tracker.History, Links: status.Links{Path: "/below"}}, targets...)
	f.tracker.SetTargets(f.configured(), noon)
	return f
}

func (f followed) configured() []evidence.Target {
	var targets []evidence.Target
	for _, s := range f.states {
		targets = append(targets, s.Target)
	}
	return targets
}

// run records a run, and publishes what it changes.
func (f followed) run(name string, minute int, reason diagnose.Reason) {
	start := noon.Add(time.Duration(minute) * time.Minute)
	f.ran(name, start, reason)
	for _, s := range f.states {
		if s.Target.Name == name {
			f.observe(*s.Latest)
		}
	}
}

func (f followed) observe(r probe.Result) {
	for _, c := range f.tracker.Observe(r) {
		if c.Kind.Tells() {
			f.page.PublishIncident(c)
		}
	}
}

func TestPastIncidents(t *testing.T) {
	f := openFollowed(t, "a", "b", "c", "d", "e")
	if _, page := f.do("GET", "/"); !strings.Contains(page, "None has ended since") || !strings.Contains(page, "2026-01-02 12:00:00 UTC") {
		t.Errorf("the page does not say since when no incident has ended:\n%s", page)
	}
	f.run("e", 0, diagnose.None)
	for _, name := range []string{"e", "d", "c", "b"} {
		f.run(name, 1, diagnose.VaultSealed)
	}
	for _, name := range []string{"e", "d", "c", "b"} {
		f.run(name, 4, diagnose.None)
	}
	f.run("a", 5, diagnose.CanaryExpired)
	f.run("a", 6, diagnose.RoleMissing)

	_, page := f.do("GET", "/")
	for _, part := range []string{
		"2 since", "2026-01-02 12:01:00 UTC</time></span>", "<span>3 min</span>", `href="/below/runbooks/vault_sealed"`, "4 targets: e, d, c, …", "recovered",
		"2026-01-02 12:05:00 UTC</time> or before", "canary_expired", "then role_missing",
	} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %q:\n%s", part, page[strings.Index(page, `class="past"`):])
		}
	}
	if strings.Contains(page, `<details id="past-rows" open>`) {
		t.Error("past incidents are unfolded while there is one now")
	}

	_, body := f.do("GET", "/api/v1/incidents")
	var got struct {
		Since     time.Time
		Incidents []map[string]any
		Past      []map[string]any
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if !got.Since.Equal(noon) || len(got.Incidents) != 1 || len(got.Past) != 2 {
		t.Fatal(body)
	}
	want := map[string]any{
		"id": got.Past[1]["id"], "reason": "vault_sealed", "component": "vault", "object": got.Past[1]["object"], "targets": []any{"e", "d", "c", "b"}, "affected": 4.0, "recurrences": 0.0,
		"begin": "2026-01-02T12:01:00Z", "begin_seen": true, "end": "2026-01-02T12:04:00Z", "duration_seconds": 180.0, "ending": "recovered",
	}
	if diff := cmp.Diff(want, got.Past[1]); diff != "" {
		t.Errorf("a past incident (-want +got):\n%s", diff)
	}
	if got.Past[0]["ending"] != "other_cause" || got.Past[0]["next"] != "role_missing" || got.Past[0]["begin_seen"] != false {
		t.Errorf("the last incident: %v", got.Past[0])
	}
	if now := got.Incidents[0]; now["reason"] != "role_missing" || now["begin"] != "2026-01-02T12:06:00Z" || now["affected"] != 1.0 || now["id"] == "" {
		t.Errorf("the current incident: %v", now)
	}
}

func TestIncidentEvents(t *testing.T) {
	f := openFollowed(t, "a", "b")
	f.run("a", 0, diagnose.None)
	_, lines, body := f.stream(t.Context())
	defer body.Close()
	lines.Scan() // retry: the stream is open
	f.run("a", 1, diagnose.VaultSealed)
	f.run("b", 2, diagnose.VaultSealed)
	f.run("a", 3, diagnose.None)
	f.run("b", 3, diagnose.None)
	f.page.Close()
	var got []string
	for lines.Scan() {
		if lines.Text() != "event: incident" {
			continue
		}
		lines.Scan()
		var event struct {
			Change, Reason, Ending string
			Failing, Affected      int
			End                    *time.Time
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(lines.Text(), "data: ")), &event); err != nil {
			t.Fatal(err)
		}
		if (event.End != nil) != (event.Change == "ended") {
			t.Errorf("the end in %s", lines.Text())
		}
		got = append(got, strings.TrimSpace(strings.Join([]string{event.Change, event.Reason, event.Ending}, " ")))
	}
	if diff := cmp.Diff([]string{"began vault_sealed", "spread vault_sealed", "ended vault_sealed recovered"}, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// A standby, which has never probed, does not say that nothing has happened.
func TestNoPastWithoutProbes(t *testing.T) {
	f := open(t, status.Options{})
	if _, page := f.do("GET", "/"); strings.Contains(page, "Past incidents") {
		t.Errorf("the page has past incidents:\n%s", page)
	}
}

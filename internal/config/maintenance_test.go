package config

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const planned = `
- name: a
  maintenance:
    - begin: 2026-12-01T23:00:00+01:00
      end: "2026-12-02T02:00:00Z"
      comment: upgrade of Vault
    - {schedule: "Sun 02:00-04:00", timezone: Europe/Berlin}
- name: b
  maintenance: []
- name: c
`

func TestMaintenance(t *testing.T) {
	c := mustLoad(t, withFile(targetsFile(t, planned)))
	if len(c.Maintenance) != 1 || len(c.Maintenance["a"]) != 2 {
		t.Fatalf("got %+v", c.Maintenance)
	}
	for at, want := range map[string]string{
		"2026-12-01T21:59:59Z": "", "2026-12-01T22:00:00Z": "2026-12-02T02:00:00Z upgrade of Vault", "2026-12-02T02:00:00Z": "",
		"2026-12-06T01:30:00Z": "2026-12-06T03:00:00Z",
	} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if active := c.Maintenance["a"].At(now); active.Active() {
			got = strings.TrimSpace(active.Until.UTC().Format(time.RFC3339) + " " + active.Comment)
		}
		if got != want {
			t.Errorf("at %s: %q, want %q", at, got, want)
		}
	}

	var text bytes.Buffer
	if err := c.Write(&text); err != nil {
		t.Fatal(err)
	}
	again := mustLoad(t, withFile(targetsFile(t, text.String())))
	if diff := cmp.Diff(maintenanceValues(c), maintenanceValues(again)); diff != "" || again.Hash() != c.Hash() {
		t.Errorf("fed back (-want +got):\n%s\n%s", diff, text.String())
	}
	if other := mustLoad(t, withFile(targetsFile(t, strings.Replace(planned, "04:00", "05:00", 1)))); other.Hash() == c.Hash() {
		t.Error("a maintenance does not count in the hash")
	} else if diff := cmp.Diff(c.Targets, other.Targets); diff != "" {
		t.Errorf("a maintenance changes the targets:\n%s", diff)
	}
}

func maintenanceValues(c Config) map[string][]map[string]string {
	values := map[string][]map[string]string{}
	for name, windows := range c.Maintenance {
		values[name] = collect(windows, windowValues)
	}
	return values
}

// Each mistake names the line of its entry, and what is allowed.
func TestMaintenanceMistakes(t *testing.T) {
	for content, want := range map[string]string{
		`{begin: 2026-12-02T00:00:00Z, end: 2026-12-01T00:00:00Z}`:              "ends at 2026-12-01T00:00:00Z, not after its beginning at 2026-12-02T00:00:00Z; allowed: an end after the begin",
		`{begin: 2026-12-02T00:00:00Z, end: 2026-12-02T00:00:00Z}`:              "ends at 2026-12-02T00:00:00Z, not after its beginning",
		`{begin: 2026-12-02T00:00:00Z}`:                                         `end "" is not a time; allowed: RFC 3339`,
		`{begin: 2026-12-02, end: 2026-12-03}`:                                  `is not a time; allowed: RFC 3339 with a time zone`,
		`{begin: 2026-12-02T00:00:00, end: 2026-12-03T00:00:00Z}`:               `begin "2026-12-02T00:00:00" is not a time; allowed: RFC 3339 with a time zone`,
		`{schedule: "Sun 02:00-04:00", timezone: Europe/Atlantis}`:              `timezone "Europe/Atlantis" is not known; allowed: a name of the system's time zone database`,
		`{schedule: "Sun 02:00-04:00", timezone: Local}`:                        `timezone "Local" is not known`,
		`{schedule: "0 2 * * 0"}`:                                               `schedule "0 2 * * 0" has a day that is not known; allowed: days and times, such as Sun 02:00-04:00`,
		`{schedule: "Sun 02:00-04:00", begin: 2026-12-02T00:00:00Z}`:            "has a schedule, and begin or end",
		`{begin: 2026-12-02T00:00:00Z, end: 2026-12-03T00:00:00Z, timezone: X}`: "has a timezone, which begin and end have by themselves",
		`{comment: x}`:                    "says no time",
		`{schedule: "daily 00:00-24:00"}`: "never ends",
		`{schedul: x}`:                    `"schedul" is not known; allowed: begin, end, schedule, timezone, comment`,
		`{schedule: [x]}`:                 "schedule is a list",
		`{schedule: "Sun 02:00-04:00", comment: "a\nb"}`:        "has a comment that is too long or cannot be printed",
		`{schedule: "Sun 02:00-04:00", comment: "` + jwt + `"}`: "has a comment that holds a credential",
		`x`: "has a string; allowed: a list of mappings",
	} {
		_, err := load(t, withFile(targetsFile(t, "- name: a\n  maintenance:\n    - "+content+"\n")))
		if text := errorText(err); !strings.Contains(text, ":3: maintenance: ") || !strings.Contains(text, want) || strings.Contains(text, jwt) {
			t.Errorf("%s: %s\nwant %s", content, text, want)
		}
	}
	overlapping := "- name: a\n  maintenance:\n    - schedule: Sun 02:00-04:00\n    - schedule: Sat 22:00-02:30\n"
	if _, err := load(t, withFile(targetsFile(t, overlapping))); !strings.Contains(errorText(err), ":4: maintenance: overlaps that in line 3") {
		t.Errorf("got %v", err)
	}
	if _, err := load(t, withFile(targetsFile(t, "- name: a\n  maintenance: soon\n"))); !strings.Contains(errorText(err), ":2: maintenance: is a string; allowed: a list") {
		t.Errorf("got %v", err)
	}
}

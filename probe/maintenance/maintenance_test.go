package maintenance_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/maintenance"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func schedule(t testing.TB, text, in string) maintenance.Windows {
	t.Helper()
	s, err := maintenance.ParseSchedule(text, zone(t, in))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return maintenance.Windows{{Schedule: s, Comment: text}}
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// 2026-01-04 is a Sunday. In Europe/Berlin clocks go from 02:00 to 03:00 on 2026-03-29, and from 03:00
// to 02:00 on 2026-10-25. Lord Howe sets its clocks by half an hour.
func TestSchedules(t *testing.T) {
	for _, test := range []struct{ schedule, zone, at, until string }{
		{"Sun 02:00-04:00", "UTC", "2026-01-04T01:59:59Z", ""},
		{"Sun 02:00-04:00", "UTC", "2026-01-04T02:00:00Z", "2026-01-04T04:00:00Z"},
		{"Sun 02:00-04:00", "UTC", "2026-01-04T03:59:59Z", "2026-01-04T04:00:00Z"},
		{"Sun 02:00-04:00", "UTC", "2026-01-04T04:00:00Z", ""},
		{"Sun 02:00-04:00", "UTC", "2026-01-05T03:00:00Z", ""},
		{"Sun 02:00-04:00", "Europe/Berlin", "2026-01-04T01:30:00Z", "2026-01-04T03:00:00Z"},
		{"Sun 02:00-04:00", "America/New_York", "2026-01-04T08:30:00Z", "2026-01-04T09:00:00Z"},

		// Over midnight, and over the end of the week.
		{"Sat 22:00-02:00", "UTC", "2026-01-03T23:00:00Z", "2026-01-04T02:00:00Z"},
		{"Sat 22:00-02:00", "UTC", "2026-01-04T01:59:00Z", "2026-01-04T02:00:00Z"},
		{"Sat 22:00-02:00", "UTC", "2026-01-04T22:30:00Z", ""},
		{"Sun 22:00-24:00", "UTC", "2026-01-04T23:59:59Z", "2026-01-05T00:00:00Z"},
		{"Sun 00:00-24:00", "UTC", "2026-01-04T12:00:00Z", "2026-01-05T00:00:00Z"},
		{"Sat-Sun 00:00-24:00", "UTC", "2026-01-03T12:00:00Z", "2026-01-05T00:00:00Z"},
		{"Fri-Mon 12:00-13:00", "UTC", "2026-01-05T12:00:00Z", "2026-01-05T13:00:00Z"},
		{"Fri-Mon 12:00-13:00", "UTC", "2026-01-06T12:00:00Z", ""},
		{"Mon,Wed-Thu 12:00-13:00", "UTC", "2026-01-07T12:30:00Z", "2026-01-07T13:00:00Z"},
		{"daily 23:30-00:30", "UTC", "2026-01-07T00:15:00Z", "2026-01-07T00:30:00Z"},

		// Clocks are set forward: an hour shorter.
		{"Sun 01:00-04:00", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T02:00:00Z"},
		// It begins when its first minute has been left out.
		{"Sun 02:30-04:00", "Europe/Berlin", "2026-03-29T00:59:00Z", ""},
		{"Sun 02:30-04:00", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"},
		// Its end is left out.
		{"Sun 01:00-02:30", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"},
		// Nothing of it is left.
		{"Sun 02:00-03:00", "Europe/Berlin", "2026-03-29T00:59:59Z", ""},
		{"Sun 02:00-03:00", "Europe/Berlin", "2026-03-29T01:00:00Z", ""},
		// Clocks are set back: an hour longer.
		{"Sun 02:00-04:00", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z"},
		{"Sun 02:00-02:30", "Europe/Berlin", "2026-10-25T00:15:00Z", "2026-10-25T00:30:00Z"},
		{"Sun 02:00-02:30", "Europe/Berlin", "2026-10-25T01:15:00Z", "2026-10-25T01:30:00Z"},
		{"Sun 01:30-02:30", "Europe/Berlin", "2026-10-25T00:15:00Z", "2026-10-25T00:30:00Z"},
		{"Sun 02:00-03:00", "Europe/Berlin", "2026-10-25T00:15:00Z", "2026-10-25T02:00:00Z"},
		{"Sun 01:00-03:00", "Australia/Lord_Howe", "2026-10-03T15:00:00Z", "2026-10-03T16:00:00Z"},
	} {
		got := schedule(t, test.schedule, test.zone).At(at(t, test.at))
		want := time.Time{}
		if test.until != "" {
			want = at(t, test.until)
		}
		if !got.Until.Equal(want) {
			t.Errorf("%s in %s, at %s: until %s, want %s", test.schedule, test.zone, test.at, got.Until.UTC(), test.until)
		}
	}
}

// Whatever the clocks do, a maintenance goes on until the end that it names, and not at that end or
// the next window follows at once.
func TestUntilIsTheEnd(t *testing.T) {
	for _, of := range []struct{ schedule, zone string }{
		{"Sun 02:00-04:00", "Europe/Berlin"}, {"daily 23:30-00:30", "America/St_Johns"}, {"Sat-Sun 01:15-02:45", "Australia/Lord_Howe"}, {"Sun 02:00-02:30", "Europe/Berlin"},
	} {
		w := schedule(t, of.schedule, of.zone)
		for now := at(t, "2026-01-01T00:00:00Z"); now.Year() == 2026; now = now.Add(5 * time.Minute) {
			active := w.At(now)
			if !active.Active() {
				continue
			}
			if w.At(active.Until).Active() {
				t.Fatalf("%s in %s: at %s it ends at %s, and goes on", of.schedule, of.zone, now, active.Until)
			}
			for minute := now; minute.Before(active.Until); minute = minute.Add(time.Minute) {
				if got := w.At(minute); !got.Until.Equal(active.Until) {
					t.Fatalf("%s in %s: at %s it ends at %s, at %s at %s", of.schedule, of.zone, now, active.Until, minute, got.Until)
				}
			}
		}
	}
}

func TestSingleWindows(t *testing.T) {
	begin := at(t, "2026-01-04T02:00:00Z")
	w := maintenance.Windows{
		{Begin: begin, End: begin.Add(time.Hour), Comment: "short"},
		{Begin: begin, End: begin.Add(2 * time.Hour), Comment: "long"},
	}
	for offset, comment := range map[time.Duration]string{-time.Second: "", 0: "long", time.Hour: "long", 2 * time.Hour: ""} {
		if got := w.At(begin.Add(offset)); got.Comment != comment || got.Active() != (comment != "") {
			t.Errorf("after %s: %+v, want %q", offset, got, comment)
		}
	}
}

func TestSchedulesThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                    "is not days and times",
		"Sun":                 "is not days and times",
		"Sunday 02:00-04:00":  "day that is not known",
		"sun 02:00-04:00":     "day that is not known",
		" 02:00-04:00":        "day that is not known",
		"Sun, 02:00-04:00":    "day that is not known",
		"Sun 2:00-04:00":      "no time of day at which it begins",
		"Sun 24:00-04:00":     "no time of day at which it begins",
		"Sun 02:60-04:00":     "no time of day at which it begins",
		"Sun +2:00-04:00":     "no time of day at which it begins",
		"Sun 02:00":           "no time of day",
		"Sun 02:00-":          "no time of day at which it ends",
		"Sun 02:00-24:01":     "no time of day at which it ends",
		"Sun 02:00-04:00 ":    "no time of day at which it ends",
		"Sun 02:00-02:00":     "begins and ends at the same time",
		"daily 00:00-24:00":   "never ends",
		"Mon-Sun 00:00-24:00": "never ends",
		"0 2 * * 0":           "day that is not known",
	} {
		if s, err := maintenance.ParseSchedule(text, time.UTC); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want %q", text, s, err, want)
		}
	}
}

func TestOverlap(t *testing.T) {
	of := func(text, in string) maintenance.Window { return schedule(t, text, in)[0] }
	noon := at(t, "2026-01-04T12:00:00Z")
	single := func(from, to int) maintenance.Window {
		return maintenance.Window{Begin: noon.Add(time.Duration(from) * time.Hour), End: noon.Add(time.Duration(to) * time.Hour)}
	}
	for name, test := range map[string]struct {
		a, b maintenance.Window
		want bool
	}{
		"single, one after the other": {single(0, 1), single(1, 2), false},
		"single":                      {single(0, 2), single(1, 3), true},
		"other days":                  {of("Sun 02:00-04:00", "UTC"), of("Mon 02:00-04:00", "UTC"), false},
		"one after the other":         {of("Sun 02:00-04:00", "UTC"), of("Sun 04:00-05:00", "UTC"), false},
		"over midnight":               {of("Sat 22:00-02:00", "UTC"), of("Sun 01:00-03:00", "UTC"), true},
		"other time zones":            {of("Sun 02:00-04:00", "UTC"), of("Sun 02:00-04:00", "Europe/Berlin"), false},
		"a single one and a schedule": {single(0, 24), of("daily 02:00-04:00", "UTC"), false},
	} {
		if got := maintenance.Overlap(test.a, test.b); got != test.want || maintenance.Overlap(test.b, test.a) != got {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}

// What is parsed is formatted so that it is parsed to the same.
func FuzzParseSchedule(f *testing.F) {
	for _, text := range []string{"Sun 02:00-04:00", "Mon-Fri,Sun 22:00-24:00", "daily 23:30-00:30", "Sat-Mon 00:00-24:00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := maintenance.ParseSchedule(text, time.UTC)
		if err != nil {
			return
		}
		again, err := maintenance.ParseSchedule(s.String(), time.UTC)
		if err != nil || *again != *s {
			t.Errorf("%q becomes %q, which is %v, %v", text, s.String(), again, err)
		}
	})
}

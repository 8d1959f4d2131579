package incident_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
)

// run is the result of a target whose run began so many minutes after noon.
func run(name string, reason diagnose.Reason, minutes float64, change ...func(*probe.Result)) probe.Result {
	r := result(name, reason, 0, append([]func(*probe.Result){func(r *probe.Result) { r.Target.Interval = time.Minute }}, change...)...)
	r.Start = noon.Add(time.Duration(minutes * float64(time.Minute)))
	r.Since = r.Start
	return r
}

// following is a tracker and the names of the changes so far, with their targets.
type following struct {
	*incident.Tracker
	told []string
}

func follow(names ...string) *following {
	f := &following{Tracker: incident.NewTracker()}
	f.configure(0, names...)
	return f
}

func targetsNamed(names ...string) (targets []evidence.Target) {
	for _, name := range names {
		targets = append(targets, run(name, diagnose.None, 0).Target)
	}
	return targets
}

func (f *following) configure(minutes int, names ...string) {
	f.note(f.SetTargets(targetsNamed(names...), noon.Add(time.Duration(minutes)*time.Minute)))
}

func (f *following) observe(results ...probe.Result) {
	for _, r := range results {
		f.note(f.Observe(r))
	}
}

func (f *following) note(changes []incident.Change) {
	for _, c := range changes {
		f.told = append(f.told, strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Kind, c.Record.Reason, c.Target)))
	}
}

// line says what matters of a record.
func line(r incident.Record) string {
	text := fmt.Sprintf("%s +%.0f", r.Reason, r.Begin.Sub(noon).Minutes())
	if !r.End.IsZero() {
		text += fmt.Sprintf("-%.0f %s", r.End.Sub(noon).Minutes(), r.Ending)
	}
	if r.Next != "" {
		text += " " + string(r.Next)
	}
	text += fmt.Sprintf(", %d of %d: %s", r.Failing, r.Affected, strings.Join(r.Names, " "))
	if r.Recurrences > 0 {
		text += fmt.Sprintf(", returned %d", r.Recurrences)
	}
	if !r.BeginSeen {
		text += ", maybe older"
	}
	return text
}

func TestTracker(t *testing.T) {
	const ok, sealed, timeout = diagnose.None, diagnose.VaultSealed, diagnose.VaultTimeout
	hourly := func(r *probe.Result) { r.Target.Interval = time.Hour }
	for name, test := range map[string]struct {
		play                func(f *following)
		told, current, past []string
	}{
		"nothing is broken": {play: func(f *following) { f.observe(run("a", ok, 0), run("b", ok, 0)) }},
		"one target, seen from before to after": {
			play: func(f *following) {
				f.observe(run("a", ok, 0), run("a", sealed, 1), run("a", sealed, 2), run("a", ok, 3))
			},
			told: []string{"began vault_sealed a", "ended vault_sealed a"},
			past: []string{"vault_sealed +1-3 recovered, 0 of 1: a"},
		},
		"what was broken before the first run may be older": {
			play:    func(f *following) { f.observe(run("a", sealed, 0)) },
			told:    []string{"began vault_sealed a"},
			current: []string{"vault_sealed +0, 1 of 1: a, maybe older"},
		},
		"it begins with its first target and ends with its last": {
			play: func(f *following) {
				f.observe(run("a", ok, 0), run("b", ok, 0))
				f.observe(run("a", sealed, 1), run("b", sealed, 1.5), run("a", ok, 2), run("b", ok, 2.5))
			},
			told: []string{"began vault_sealed a", "joined vault_sealed b", "left vault_sealed a", "ended vault_sealed b"},
			past: []string{"vault_sealed +1-2 recovered, 0 of 2: a b"},
		},
		"it has spread": {
			play: func(f *following) {
				f.observe(run("a", sealed, 0), run("b", sealed, 0.2), run("c", sealed, 0.4), run("a", sealed, 0.9), run("a", sealed, 1), run("a", sealed, 2))
			},
			told:    []string{"began vault_sealed a", "joined vault_sealed b", "joined vault_sealed c", "spread vault_sealed a"},
			current: []string{"vault_sealed +0, 3 of 3: a b c, maybe older"},
		},
		"another cause is another incident": {
			play: func(f *following) { f.observe(run("a", ok, 0), run("a", timeout, 1), run("a", sealed, 2)) },
			told: []string{"began vault_timeout a", "ended vault_timeout a", "began vault_sealed a"},
			current: []string{
				"vault_sealed +2, 1 of 1: a",
			},
			past: []string{"vault_timeout +1-2 other_cause vault_sealed, 0 of 1: a"},
		},
		"its ending is that of the last target": {
			play: func(f *following) {
				f.observe(run("a", ok, 0), run("a", timeout, 1), run("b", timeout, 1), run("a", sealed, 2), run("b", ok, 3))
			},
			told:    []string{"began vault_timeout a", "joined vault_timeout b", "left vault_timeout a", "began vault_sealed a", "ended vault_timeout b"},
			current: []string{"vault_sealed +2, 1 of 1: a"},
			past:    []string{"vault_timeout +1-3 recovered, 0 of 2: a b"},
		},
		"a removed target has not recovered": {
			play: func(f *following) {
				f.observe(run("a", ok, 0), run("a", sealed, 1))
				f.configure(2, "b")
				f.observe(run("a", sealed, 2.5))
			},
			told: []string{"began vault_sealed a", "ended vault_sealed a"},
			past: []string{"vault_sealed +1-2 removed, 0 of 1: a"},
		},
		"nor has a target that was changed": {
			play: func(f *following) {
				f.observe(run("a", ok, 0), run("a", sealed, 1))
				changed := run("a", ok, 2, addr("https://other"))
				f.note(f.SetTargets([]evidence.Target{changed.Target}, noon))
				f.observe(changed)
			},
			told: []string{"began vault_sealed a", "ended vault_sealed a"},
			past: []string{"vault_sealed +1-2 removed, 0 of 1: a"},
		},
		"a change that changes nothing": {
			play: func(f *following) {
				f.observe(run("a", ok, 0), run("a", sealed, 1))
				changed := run("a", sealed, 2, role("other"))
				f.note(f.SetTargets([]evidence.Target{changed.Target}, noon))
				f.observe(changed)
			},
			told:    []string{"began vault_sealed a"},
			current: []string{"vault_sealed +1, 1 of 1: a"},
		},
		"a short gap is a part of it": {
			play: func(f *following) {
				f.observe(run("a", ok, 0), run("a", sealed, 1), run("a", ok, 2), run("a", sealed, 12))
			},
			told: []string{"began vault_sealed a", "ended vault_sealed a", "resumed vault_sealed a"},
			current: []string{
				"vault_sealed +1, 1 of 1: a, returned 1",
			},
		},
		"a long gap is not": {
			play: func(f *following) {
				f.observe(run("a", ok, 0), run("a", sealed, 1), run("a", ok, 2), run("a", sealed, 13))
			},
			told: []string{"began vault_sealed a", "ended vault_sealed a", "began vault_sealed a"},
			current: []string{
				"vault_sealed +13, 1 of 1: a",
			},
			past: []string{"vault_sealed +1-2 recovered, 0 of 1: a"},
		},
		"a gap is long or short for the interval": {
			play: func(f *following) {
				f.note(f.SetTargets([]evidence.Target{run("a", ok, 0, hourly).Target}, noon))
				f.observe(run("a", ok, 0, hourly), run("a", sealed, 60, hourly), run("a", ok, 120, hourly), run("a", sealed, 180, hourly))
			},
			told:    []string{"began vault_sealed a", "ended vault_sealed a", "resumed vault_sealed a"},
			current: []string{"vault_sealed +60, 1 of 1: a, returned 1"},
		},
		"a target that comes and goes is told twelve times": {
			play: func(f *following) {
				for n := range 60 {
					f.observe(run("a", []diagnose.Reason{ok, sealed}[n%2], float64(n)))
				}
				f.observe(run("a", ok, 60), run("a", ok, 65), run("a", ok, 71))
			},
			told: slices.Concat(
				[]string{"began vault_sealed a"}, slices.Repeat([]string{"ended vault_sealed a", "resumed vault_sealed a"}, 5), []string{"left vault_sealed a"},
				slices.Repeat([]string{"joined vault_sealed a", "left vault_sealed a"}, 24), []string{"ended vault_sealed"},
			),
			past: []string{"vault_sealed +1-60 recovered, 0 of 1: a, returned 29"},
		},
		"two reasons that take turns are two incidents": {
			play: func(f *following) {
				for n := range 60 {
					f.observe(run("a", []diagnose.Reason{timeout, sealed}[n%2], float64(n)))
				}
				f.told = nil
			},
			current: []string{"vault_sealed +1, 1 of 1: a, returned 29"},
			past:    []string{"vault_timeout +0-59 other_cause vault_sealed, 0 of 1: a, returned 29, maybe older"},
		},
		"an older result of a target is ignored": {
			play: func(f *following) { f.observe(run("a", ok, 2), run("a", sealed, 1)) },
		},
		"results of different targets come in any order": {
			play: func(f *following) {
				f.observe(run("a", ok, 0), run("b", ok, 0), run("a", sealed, 2), run("b", sealed, 1))
			},
			told: []string{"began vault_sealed a", "joined vault_sealed b"},
			current: []string{
				"vault_sealed +1, 2 of 2: a b",
			},
		},
		"a target that nobody configured": {play: func(f *following) { f.observe(run("x", sealed, 0)) }},
	} {
		t.Run(name, func(t *testing.T) {
			f := follow("a", "b", "c")
			test.play(f)
			h := f.History()
			for _, part := range []struct {
				what      string
				want, got []string
			}{{"changes", test.told, f.told}, {"current", test.current, lines(h.Current)}, {"past", test.past, lines(h.Past)}} {
				if diff := cmp.Diff(part.want, part.got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", part.what, diff)
				}
			}
		})
	}
}

func lines(records []incident.Record) (text []string) {
	for _, r := range records {
		text = append(text, line(r))
	}
	return text
}

// Sixty targets behind one Vault that seals and is unsealed are three lines.
func TestManyTargetsAreToldOnce(t *testing.T) {
	var names []string
	for n := range 60 {
		names = append(names, fmt.Sprintf("t%02d", n))
	}
	f := follow(names...)
	for minute, reason := range []diagnose.Reason{diagnose.None, diagnose.VaultSealed, diagnose.VaultSealed, diagnose.VaultSealed, diagnose.None, diagnose.None} {
		for n, name := range names {
			f.observe(run(name, reason, float64(minute)+float64(n)/60))
		}
	}
	told := slices.DeleteFunc(f.told, func(text string) bool { return strings.HasPrefix(text, "joined") || strings.HasPrefix(text, "left") })
	if diff := cmp.Diff([]string{"began vault_sealed t00", "spread vault_sealed t00", "ended vault_sealed t59"}, told); diff != "" {
		t.Errorf("what is told (-want +got):\n%s", diff)
	}
	past := f.History().Past
	if len(past) != 1 || past[0].Affected != 60 || len(past[0].Names) != 20 || past[0].Duration() != 3*time.Minute+59*time.Second {
		t.Errorf("past: %+v", past)
	}
}

// Whatever happens: the memory is bounded, what fails now is what Group says, and nothing ends
// twice.
func TestTrackerAtRandom(t *testing.T) {
	reasons := []diagnose.Reason{diagnose.None, diagnose.None, diagnose.VaultSealed, diagnose.VaultTimeout, diagnose.RoleMissing, diagnose.CanaryExpired, diagnose.MountMissing}
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		f := incident.NewTracker()
		open, told := map[string]bool{}, map[string]int{}
		take := func(changes []incident.Change) {
			for _, c := range changes {
				switch c.Kind {
				case incident.Began, incident.Resumed:
					if open[c.Record.ID] {
						t.Fatalf("seed %d: %s %s while it goes on", seed, c.Record.ID, c.Kind)
					}
					open[c.Record.ID] = true
				case incident.Ended:
					if !open[c.Record.ID] {
						t.Fatalf("seed %d: %s ended, and has not begun", seed, c.Record.ID)
					}
					open[c.Record.ID] = false
				}
				if c.Kind.Tells() && c.Kind != incident.Spread {
					told[c.Record.ID]++
				}
			}
		}
		latest := map[string]probe.Result{}
		var names []string
		for step := range 4000 {
			if step%200 == 0 { // a reload
				names = nil
				for n := range 30 {
					if random.IntN(5) > 0 {
						names = append(names, fmt.Sprintf("t%02d", n))
					}
				}
				take(f.SetTargets(targetsNamed(names...), noon.Add(time.Duration(step)*20*time.Second)))
				maps.DeleteFunc(latest, func(name string, _ probe.Result) bool { return !slices.Contains(names, name) })
			}
			r := run(names[random.IntN(len(names))], reasons[random.IntN(len(reasons))], float64(step)/3, mount(fmt.Sprint(random.IntN(5))))
			take(f.Observe(r))
			latest[r.Target.Name] = r
			if step%50 == 0 {
				matches(t, f.History(), slices.Collect(maps.Values(latest)))
			}
		}
		for id, n := range told {
			if n > 12 {
				t.Errorf("seed %d: %s was told %d times: want its beginning, five ends and returns, and its end at most", seed, id, n)
			}
		}
	}
}

// matches holds a history against the latest results.
func matches(t *testing.T, h incident.History, results []probe.Result) {
	t.Helper()
	var want, got []string
	for _, i := range incident.Group(results) {
		want = append(want, fmt.Sprintf("%s %s %d", i.Reason, i.Object, len(i.Results)))
	}
	for _, r := range h.Current {
		got = append(got, fmt.Sprintf("%s %s %d", r.Reason, r.Object, r.Failing))
		if !r.End.IsZero() || r.Ending != "" || r.Affected < r.Failing {
			t.Errorf("it goes on: %+v", r)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("current (-Group +Tracker):\n%s", diff)
	}
	if len(h.Past) > 100 {
		t.Errorf("%d past incidents, want at most 100", len(h.Past))
	}
	for _, r := range append(h.Current, h.Past...) {
		if len(r.Names) > 20 || r.Affected < len(r.Names) || r.Duration() < 0 {
			t.Errorf("out of bounds: %+v", r)
		}
	}
	for _, r := range h.Past {
		if r.End.IsZero() || r.Ending == "" || r.Failing != 0 || (r.Ending == incident.EndOtherCause) != (r.Next != "") {
			t.Errorf("it has ended: %+v", r)
		}
	}
}

// The oldest incidents are forgotten; each has ended once before.
func TestPastIsBounded(t *testing.T) {
	f := follow("a")
	for n := range 150 {
		f.observe(run("a", diagnose.MountMissing, float64(2*n), mount(fmt.Sprint(n))), run("a", diagnose.None, float64(2*n+1)))
	}
	h := f.History()
	if len(h.Past) != 100 || !h.Past[0].End.Equal(noon.Add(299*time.Minute)) || !h.Past[99].End.Equal(noon.Add(101*time.Minute)) {
		t.Errorf("%d past incidents, from %s to %s", len(h.Past), h.Past[len(h.Past)-1].End, h.Past[0].End)
	}
	if len(f.told) != 300 {
		t.Errorf("%d changes of 150 incidents", len(f.told))
	}
}

func TestHistoryIsAPlainValue(t *testing.T) {
	f := follow("a", "b")
	f.observe(run("a", diagnose.None, 0), run("a", diagnose.VaultSealed, 1), run("b", diagnose.VaultTimeout, 1), run("a", diagnose.None, 2))
	want := f.History()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got incident.History
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after JSON (-want +got):\n%s", diff)
	}
	if len(got.Current) != 1 || len(got.Past) != 1 || !got.Since.Equal(noon) {
		t.Errorf("%s", text)
	}
}

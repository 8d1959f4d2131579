package incident_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
)

// restarted returns a tracker of a new process, so many minutes after noon, with the memory of the
// old one as it was saved a minute before. Only the known targets are configured as they were.
func (f *following) restarted(t *testing.T, minutes int, known []string, names ...string) *following {
	t.Helper()
	encoded, err := json.Marshal(f.Memory())
	if err != nil {
		t.Fatal(err)
	}
	var m incident.Memory
	if err := json.Unmarshal(encoded, &m); err != nil {
		t.Fatal(err)
	}
	next := &following{Tracker: incident.NewTracker()}
	now := noon.Add(time.Duration(minutes) * time.Minute)
	next.note(next.Recall(m, now.Add(-time.Minute), func(target string) bool { return slices.Contains(known, target) }, now))
	next.configure(minutes, names...)
	return next
}

func TestIncidentsSurviveARestart(t *testing.T) {
	const ok, sealed, timeout = diagnose.None, diagnose.VaultSealed, diagnose.VaultTimeout
	all := []string{"a", "b", "c"}
	for name, test := range map[string]struct {
		before              func(f *following)
		known, configured   []string // all, unless set
		after               func(f *following)
		told, current, past []string
	}{
		"it is not current before a run has found it": {
			before: func(f *following) { f.observe(run("a", ok, 0), run("a", sealed, 1)) },
		},
		"it goes on": {
			before:  func(f *following) { f.observe(run("a", ok, 0), run("a", sealed, 1)) },
			after:   func(f *following) { f.observe(run("a", sealed, 11)) },
			told:    []string{"continued vault_sealed a"},
			current: []string{"vault_sealed +1, 1 of 1: a"},
		},
		"it goes on until its end": {
			before: func(f *following) { f.observe(run("a", ok, 0), run("a", sealed, 1)) },
			after:  func(f *following) { f.observe(run("a", sealed, 11), run("a", ok, 12)) },
			told:   []string{"continued vault_sealed a", "ended vault_sealed a"},
			past:   []string{"vault_sealed +1-12 recovered, 0 of 1: a"},
		},
		"it goes on at several targets, which are told once": {
			before: func(f *following) {
				f.observe(run("a", ok, 0), run("a", sealed, 1), run("b", sealed, 1), run("c", sealed, 1), run("c", ok, 2))
			},
			after:   func(f *following) { f.observe(run("b", sealed, 11), run("c", sealed, 11), run("a", sealed, 11)) },
			told:    []string{"continued vault_sealed b", "joined vault_sealed c", "joined vault_sealed a"},
			current: []string{"vault_sealed +1, 3 of 3: a b c"},
		},
		"it was gone: it ended when it was last seen": {
			before: func(f *following) { f.observe(run("a", ok, 0), run("a", sealed, 1), run("a", sealed, 4)) },
			after:  func(f *following) { f.observe(run("a", ok, 11)) },
			told:   []string{"ended vault_sealed a"},
			past:   []string{"vault_sealed +1-4 unseen, 0 of 1: a"},
		},
		"another cause has followed": {
			before:  func(f *following) { f.observe(run("a", ok, 0), run("a", sealed, 1), run("a", sealed, 4)) },
			after:   func(f *following) { f.observe(run("a", timeout, 11)) },
			told:    []string{"ended vault_sealed a", "began vault_timeout a"},
			current: []string{"vault_timeout +11, 1 of 1: a, maybe older"},
			past:    []string{"vault_sealed +1-4 unseen vault_timeout, 0 of 1: a"},
		},
		"it goes on at one target, and was gone at another": {
			before:  func(f *following) { f.observe(run("a", sealed, 1), run("b", sealed, 1)) },
			after:   func(f *following) { f.observe(run("a", ok, 11), run("b", sealed, 11)) },
			told:    []string{"continued vault_sealed b"},
			current: []string{"vault_sealed +1, 1 of 2: a b, maybe older"},
		},
		"it was seen to end at one target, while another had no run yet": {
			before: func(f *following) { f.observe(run("a", sealed, 1), run("b", sealed, 1)) },
			after:  func(f *following) { f.observe(run("a", sealed, 11), run("a", ok, 12), run("b", ok, 13)) },
			told:   []string{"continued vault_sealed a", "left vault_sealed a", "ended vault_sealed b"},
			past:   []string{"vault_sealed +1-12 recovered, 0 of 2: a b, maybe older"},
		},
		"a target of another cause joins before its own": {
			before:  func(f *following) { f.observe(run("a", sealed, 1)) },
			after:   func(f *following) { f.observe(run("b", sealed, 11), run("a", ok, 12)) },
			told:    []string{"continued vault_sealed b"},
			current: []string{"vault_sealed +1, 1 of 2: a b, maybe older"},
		},
		"a target that was removed leaves it": {
			before:     func(f *following) { f.observe(run("a", sealed, 1)) },
			known:      []string{"b"},
			configured: []string{"b"},
			told:       []string{"ended vault_sealed"},
			past:       []string{"vault_sealed +1-1 removed, 0 of 1: a, maybe older"},
		},
		"a target that was changed leaves it, and returns to it if its cause is the same": {
			before:  func(f *following) { f.observe(run("a", ok, 0), run("a", sealed, 1)) },
			known:   []string{"b"},
			after:   func(f *following) { f.observe(run("a", sealed, 11)) },
			told:    []string{"ended vault_sealed", "resumed vault_sealed a"},
			current: []string{"vault_sealed +1, 1 of 1: a, returned 1"},
		},
		"a target that is removed before its first run leaves it": {
			before: func(f *following) { f.observe(run("a", sealed, 1)) },
			after:  func(f *following) { f.configure(11, "b") },
			told:   []string{"ended vault_sealed a"},
			past:   []string{"vault_sealed +1-1 removed, 0 of 1: a, maybe older"},
		},
		"past incidents stay": {
			before: func(f *following) { f.observe(run("a", ok, 0), run("a", sealed, 1), run("a", ok, 2)) },
			past:   []string{"vault_sealed +1-2 recovered, 0 of 1: a"},
		},
		"after a blip at the restart it resumes": {
			before:  func(f *following) { f.observe(run("a", ok, 0), run("a", sealed, 1), run("a", sealed, 9)) },
			after:   func(f *following) { f.observe(run("a", timeout, 10), run("a", sealed, 11)) },
			told:    []string{"ended vault_sealed a", "began vault_timeout a", "ended vault_timeout a", "resumed vault_sealed a"},
			current: []string{"vault_sealed +1, 1 of 1: a, returned 1"},
			past:    []string{"vault_timeout +10-11 other_cause vault_sealed, 0 of 1: a, maybe older"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			old := follow(all...)
			test.before(old)
			if test.known == nil {
				test.known = all
			}
			if test.configured == nil {
				test.configured = all
			}
			f := old.restarted(t, 10, test.known, test.configured...)
			if test.after != nil {
				test.after(f)
			}
			var current, past []string
			for _, r := range f.History().Current {
				current = append(current, line(r))
			}
			for _, r := range f.History().Past {
				past = append(past, line(r))
			}
			if diff := cmp.Diff([][]string{test.told, test.current, test.past}, [][]string{f.told, current, past}); diff != "" {
				t.Errorf("told, current, past (-want +got):\n%s", diff)
			}
		})
	}
}

// An incident is the same one after several restarts, also if none of the processes in between had
// time for a run.
func TestSeveralRestarts(t *testing.T) {
	f := follow("a")
	f.observe(run("a", diagnose.None, 0), run("a", diagnose.VaultSealed, 1))
	id := f.History().Current[0].ID
	for _, minutes := range []int{2, 3, 4} {
		f = f.restarted(t, minutes, []string{"a"}, "a")
	}
	f.observe(run("a", diagnose.VaultSealed, 5))
	if got := f.History().Current; len(got) != 1 || got[0].ID != id || !got[0].Begin.Equal(noon.Add(time.Minute)) {
		t.Errorf("the incident is %+v", got)
	}
}

func TestGapsOfTheHistory(t *testing.T) {
	f := follow("a")
	f = f.restarted(t, 1, nil, "a")
	if h := f.History(); len(h.Gaps) != 0 || !h.Since.Equal(noon) {
		t.Errorf("a short restart is a gap: %+v", h)
	}
	m := f.Memory()
	for i := range 30 { // the latest are kept
		next := incident.NewTracker()
		saved := noon.Add(time.Duration(i) * time.Hour)
		next.Recall(m, saved, func(string) bool { return true }, saved.Add(30*time.Minute))
		m = next.Memory()
	}
	if last := m.Gaps[len(m.Gaps)-1]; len(m.Gaps) != 20 || !last.From.Equal(noon.Add(29*time.Hour)) || last.Length() != 30*time.Minute {
		t.Errorf("%d gaps, the last is %+v", len(m.Gaps), last)
	}
}

// What is remembered has no text of a server.
func TestMemoryHasNoDetail(t *testing.T) {
	f := follow("a")
	r := run("a", diagnose.VaultSealed, 1)
	r.Diagnosis.Detail, r.Diagnosis.Because = "hvs.secret", []string{"hvs.secret"}
	f.observe(r)
	encoded, err := json.Marshal(f.Memory())
	if err != nil || strings.Contains(string(encoded), "hvs.") {
		t.Errorf("%s, %v", encoded, err)
	}
}

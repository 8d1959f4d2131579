package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/statefile"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// apiStatus is what the API says of the only target.
type apiStatus struct {
	State, Reason string
	Since         *time.Time
}

func (s *serving) status() apiStatus {
	s.t.Helper()
	_, body := s.get(s.metrics, "/api/v1/status/default")
	var got apiStatus
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		s.t.Fatalf("%v: %s", err, body)
	}
	return got
}

// incidentsOf are the IDs of current and past incidents.
func (s *serving) incidents() (current, past []string) {
	s.t.Helper()
	_, body := s.get(s.metrics, "/api/v1/incidents")
	var got struct{ Incidents, Past []struct{ ID, Ending string } }
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		s.t.Fatalf("%v: %s", err, body)
	}
	for _, i := range got.Incidents {
		current = append(current, i.ID)
	}
	for _, i := range got.Past {
		past = append(past, i.ID+" "+i.Ending)
	}
	return current, past
}

func seal(w *probetest.World, sealed bool) {
	w.Vault.Change(func(v *probetest.Vault) { v.Sealed = sealed })
}

// The reason of a target, its begin and its incident are the same after a restart, and what was
// repaired meanwhile has ended.
func TestStateSurvivesARestart(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	file := filepath.Join(t.TempDir(), "state")
	t.Setenv("EXPORTER_STATE_FILE", file)
	seal(w, true)
	first := startServing(t, "serve")
	first.eventually("verdict", func() bool { return first.status().Reason == "vault_sealed" })
	before := first.status()
	var ids []string
	first.eventually("incident", func() bool { ids, _ = first.incidents(); return len(ids) == 1 })
	first.end()

	hang := make(chan struct{})
	w.OnVault("", func(rw http.ResponseWriter, r *http.Request) { <-hang; probetest.Close(rw, r) })
	t.Setenv("EXPORTER_TIMEOUT", "30s")
	t.Setenv("EXPORTER_INTERVAL", "1m")
	second := startServing(t, "serve")
	if got := second.status(); got.State != "waiting" || got.Since != nil {
		t.Errorf("before its first run the target is %+v", got)
	}
	if current, _ := second.incidents(); len(current) != 0 {
		t.Errorf("before the first run there are the incidents %q", current)
	}
	second.end() // without a run
	close(hang)
	w.OnVault("", nil)
	setTarget(t, w.Target)

	third := startServing(t, "serve")
	third.eventually("verdict", func() bool { return third.status().Reason == "vault_sealed" })
	after := third.status()
	if after.Since == nil || !after.Since.Equal(*before.Since) {
		t.Errorf("since %v, before the restart %v", after.Since, before.Since)
	}
	third.eventually("incident", func() bool { return strings.Contains(third.out.String(), `msg="Incident continued" id=`+ids[0]) })
	if got, _ := third.incidents(); len(got) != 1 || got[0] != ids[0] {
		t.Errorf("the incidents are %q, before the restart %q", got, ids)
	}
	if log := third.out.String(); strings.Contains(log, "Incident began") {
		t.Errorf("the log says that an incident began, which goes on:\n%s", log)
	}
	third.end()

	seal(w, false)
	fourth := startServing(t, "serve")
	fourth.eventually("health", func() bool { return fourth.status().State == "healthy" })
	fourth.eventually("end of the incident", func() bool { _, past := fourth.incidents(); return len(past) > 0 })
	if current, past := fourth.incidents(); len(current) != 0 || len(past) != 1 || past[0] != ids[0]+" unseen" {
		t.Errorf("current %q, past %q", current, past)
	}
	if since := fourth.status().Since; since == nil || since.Equal(*before.Since) {
		t.Errorf("healthy since %v, when it was not", since)
	}
	fourth.end()
}

// A target of the same name that is another one, starts anew.
func TestStateOfAnotherTarget(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	t.Setenv("EXPORTER_STATE_FILE", filepath.Join(t.TempDir(), "state"))
	seal(w, true)
	first := startServing(t, "serve")
	first.eventually("verdict", func() bool { return first.status().Reason == "vault_sealed" })
	since := *first.status().Since
	first.end()
	t.Setenv("EXPORTER_VAULT_MOUNT", "another")
	second := startServing(t, "serve")
	second.eventually("verdict", func() bool { return second.status().Reason == "vault_sealed" })
	if got := second.status().Since; got.Equal(since) {
		t.Errorf("the target of another mount has inherited %s", since)
	}
	if !strings.Contains(second.out.String(), "ending=removed") {
		t.Errorf("the log does not say that the target of the other mount was removed:\n%s", second.out)
	}
	second.end()
}

// Whatever is at the path, the exporter starts and probes, and says what is wrong and what to do.
func TestUnusableStateNeverPreventsTheStart(t *testing.T) {
	for name, test := range map[string]struct {
		arrange func(t *testing.T, path string)
		log     string
		aside   bool
	}{
		"no file":           {func(*testing.T, string) {}, `level=INFO.*msg="No state file yet`, false},
		"damaged":           {writes("x"), `level=WARN.*was set aside.* why="the file was not written by this program`, true},
		"newer":             {writes(`{"format":"vault-k8s-auth-exporter state","version":9}` + "\n{}\n"), `level=WARN.*was set aside.* why="a newer version`, true},
		"a directory":       {func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o700)) }, `level=ERROR.*stays as it is.* why=.*directory`, false},
		"no such directory": {func(t *testing.T, path string) { must(t, os.Remove(filepath.Dir(path))) }, `level=ERROR.*msg="Saving the state failed`, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := probetest.NewWorld(t)
			setTarget(t, w.Target)
			path := filepath.Join(t.TempDir(), "below", "state")
			must(t, os.Mkdir(filepath.Dir(path), 0o700))
			test.arrange(t, path)
			t.Setenv("EXPORTER_STATE_FILE", path)
			s := startServing(t, "serve")
			s.eventually("health", func() bool { return s.status().State == "healthy" })
			if code := s.end(); code != exitOK {
				t.Errorf("exit code %d", code)
			}
			if log := s.out.String(); !matchesLine(log, test.log) || strings.Contains(test.log, "level=WARN") && !strings.Contains(log, " do=") {
				t.Errorf("the log has no line %s:\n%s", test.log, log)
			}
			if _, err := os.Stat(path + ".aside"); (err == nil) != test.aside {
				t.Errorf("set aside: %v", err)
			}
		})
	}
}

func matchesLine(log, pattern string) bool { return regexp.MustCompile(pattern).MatchString(log) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func writes(content string) func(*testing.T, string) {
	return func(t *testing.T, path string) { must(t, os.WriteFile(path, []byte(content), 0o600)) }
}

// No credential is in the state, also if servers repeat it in every text.
func TestStateHoldsNoCredential(t *testing.T) {
	for _, servers := range []func(*probetest.World, func() string){refuseWith, answerWith} {
		w := probetest.NewWorld(t)
		w.Complete()
		setTarget(t, w.Target)
		file := filepath.Join(t.TempDir(), "state")
		t.Setenv("EXPORTER_STATE_FILE", file)
		servers(w, func() string { return w.Canary.String() + " " + w.Reviewer.String() })
		s := startServing(t, "serve")
		s.eventually("a run", func() bool { return s.status().State != "waiting" })
		s.end()
		content, err := os.ReadFile(file)
		must(t, err)
		if leaks := probetest.Leaks(string(content), w.Credentials()...); len(leaks) > 0 {
			t.Errorf("the state holds %q", leaks)
		}
	}
}

// A volume that does not respond keeps no run from being reported.
func TestNothingWaitsForTheStateFile(t *testing.T) {
	k := newKeeper(filepath.Join(t.TempDir(), "state"), slog.New(slog.DiscardHandler))
	k.recorder, k.incidents = metrics.New(nil), newIncidents(k.logger, status.Links{})
	written := false
	k.write = func(statefile.State) error {
		written = true
		if !k.mu.TryLock() {
			t.Fatal("a run would wait for the write")
		}
		k.mu.Unlock()
		return nil
	}
	k.save()
	if !written {
		t.Error("nothing was written")
	}
}

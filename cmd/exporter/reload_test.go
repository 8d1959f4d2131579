package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// targetsFile is a targets file whose targets are all of one world.
type targetsFile struct {
	t    *testing.T
	path string
}

func newTargetsFile(t *testing.T, content string) targetsFile {
	f := targetsFile{t, filepath.Join(t.TempDir(), "targets.yaml")}
	f.write(content)
	t.Setenv("EXPORTER_TARGETS_FILE", f.path)
	return f
}

// write replaces the file atomically, as an editor does.
func (f targetsFile) write(content string) {
	f.t.Helper()
	next := f.path + ".next"
	if err := os.WriteFile(next, []byte(content), 0o644); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Rename(next, f.path); err != nil {
		f.t.Fatal(err)
	}
}

// listed is a targets file with these names.
func listed(names ...string) string {
	var content strings.Builder
	for _, name := range names {
		fmt.Fprintf(&content, "- name: %s\n", name)
	}
	return content.String()
}

// sample returns a sample's value, empty where there is none.
func (s *serving) sample(name string) string {
	_, body := s.get(s.metrics, "/metrics")
	match := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta("vault_k8s_auth_"+name) + ` (\S+)$`).FindStringSubmatch(body)
	if match == nil {
		return ""
	}
	return match[1]
}

func (s *serving) awaits(name, value string) {
	s.t.Helper()
	s.eventually(name+" "+value, func() bool { return s.sample(name) == value })
}

func TestReload(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	t.Setenv("EXPORTER_INTERVAL", "1m") // no second run within this test
	file := newTargetsFile(t, listed("kept", "removed"))
	s := startServing(t)
	s.awaits(`up{target="kept"}`, "1")
	s.awaits(`up{target="removed"}`, "1")
	hash, reloaded := s.sample("exporter_config_hash"), s.sample("exporter_config_last_reload_success_timestamp_seconds")

	file.write(listed("kept", "added"))
	s.awaits(`up{target="added"}`, "1")
	for name, want := range map[string]string{
		`probes_total{target="kept"}`: "1", `probes_total{target="added"}`: "1", `up{target="kept"}`: "1",
		`up{target="removed"}`: "", `probes_total{target="removed"}`: "", `target_interval_seconds{target="removed"}`: "",
		`exporter_targets{state="assigned"}`: "2", `exporter_config_last_reload_successful`: "1",
	} {
		if got := s.sample(name); got != want {
			t.Errorf("after the change %s is %q, want %q", name, got, want)
		}
	}
	if s.sample("exporter_config_hash") == hash || s.sample("exporter_config_last_reload_success_timestamp_seconds") == reloaded {
		t.Error("hash or time of the reload are still the old ones")
	}

	file.write(listed("kept", "added", "added") + "- name: third\n  intervall: 5s\n")
	s.awaits("exporter_config_last_reload_successful", "0")
	if s.sample(`exporter_targets{state="configured"}`) != "2" || s.sample(`up{target="added"}`) != "1" {
		t.Error("a file that was refused changed something")
	}
	s.eventually("refusal in the log", func() bool { return strings.Contains(s.out.String(), "Configuration is invalid") })
	refusals := 0
	for line := range strings.Lines(s.out.String()) {
		if strings.Contains(line, "Configuration is invalid") {
			refusals++
			if !strings.Contains(line, "added") || !strings.Contains(line, "intervall") {
				t.Errorf("the log does not name every mistake in one line: %s", line)
			}
		}
	}
	if refusals != 1 {
		t.Errorf("%d refusals in the log:\n%s", refusals, s.out)
	}

	file.write(listed("kept"))
	s.awaits("exporter_config_last_reload_successful", "1")
	s.awaits(`exporter_targets{state="configured"}`, "1")
	if got := s.sample(`probes_total{target="kept"}`); got != "1" {
		t.Errorf("the target that was never touched has %s runs, want 1", got)
	}
	if code := s.end(); code != exitOK || w.Vault.Live() != 0 {
		t.Errorf("exit code %d, %d tokens are left", code, w.Vault.Live())
	}
}

func TestHangupReloads(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	s := startServing(t)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.eventually("reload", func() bool {
		return strings.Contains(s.out.String(), `msg="Configuration reloaded" cause=SIGHUP`)
	})
}

// A shard probes and exposes only its own targets.
func TestServeAShard(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	newTargetsFile(t, listed("one", "two", "three", "four"))
	t.Setenv("EXPORTER_TOTAL_SHARDS", "2")
	t.Setenv("EXPORTER_SHARD", "exporter-1")
	s := startServing(t)
	own := 0
	for _, name := range []string{"one", "two", "three", "four"} {
		if shardOf(name, 2) == 1 {
			own++
			s.awaits(fmt.Sprintf(`up{target=%q}`, name), "1")
		} else if got := s.sample(fmt.Sprintf(`target_interval_seconds{target=%q}`, name)); got != "" {
			t.Errorf("%s is another shard's and shown", name)
		}
	}
	s.awaits(`exporter_targets{state="configured"}`, "4")
	s.awaits(`exporter_targets{state="assigned"}`, fmt.Sprint(own))
	s.awaits(`exporter_shard_info{shard="1",total="2"}`, "1")
}

package statefile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/statefile"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func minute(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

// full returns a state with everything that there is.
func full() statefile.State {
	record := incident.Record{
		ID: "0123456789abcdef", Reason: diagnose.VaultSealed, Component: diagnose.ComponentVault, Object: "https://vault",
		Begin: minute(1), BeginSeen: true, Failing: 1, Affected: 2, Names: []string{"a", "b"},
	}
	past := record
	past.End, past.Ending, past.Failing = minute(3), incident.EndRecovered, 0
	return statefile.State{
		Saved: minute(10),
		Targets: []statefile.Target{
			{Name: "a", Configuration: "1", Remembered: probe.Remembered{Reason: diagnose.VaultSealed, Since: minute(1), Seen: minute(9), Gap: probe.Gap{From: minute(2), To: minute(8)}}},
			{Name: "b", Configuration: "2", Remembered: probe.Remembered{Reason: diagnose.None, Since: minute(2), Seen: minute(9)}},
		},
		Incidents: incident.Memory{
			Since: noon, Gaps: []probe.Gap{{From: minute(2), To: minute(8)}}, Past: []incident.Record{past},
			Open: []incident.Open{{Record: record, Seen: minute(9), Members: []string{"a"}, Involved: []string{"a", "b"}}},
		},
		Workloads: []rehearse.Remembered{{
			Login:  workload.Login{Mount: "kubernetes", Role: "app", ServiceAccount: evidence.ServiceAccount{Namespace: "apps", Name: "app"}},
			Target: "a", State: diagnose.WorkloadReady, At: minute(5), Since: minute(4),
		}},
	}
}

func written(t testing.TB, s statefile.State) (statefile.File, []byte) {
	t.Helper()
	file := statefile.At(filepath.Join(t.TempDir(), "state"))
	if err := file.Write(s); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(string(file))
	if err != nil {
		t.Fatal(err)
	}
	return file, content
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	file, _ := written(t, full())
	got, err := file.Read(minute(11))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full(), got); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
	if info, err := os.Stat(string(file)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
	if names := entries(t, filepath.Dir(string(file))); len(names) != 1 {
		t.Errorf("the directory has %q", names)
	}
}

func entries(t testing.TB, directory string) []string {
	t.Helper()
	list, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, one := range list {
		names = append(names, one.Name())
	}
	return names
}

func TestNoFile(t *testing.T) {
	if _, err := statefile.At(filepath.Join(t.TempDir(), "state")).Read(noon); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error is %v", err)
	}
}

// A file that cannot be used says why and what to do, and nothing of its content is used or shown.
func TestUnusable(t *testing.T) {
	_, good := written(t, full())
	const secret = "hvs.CAESIJ0hTq8dWnYx3Lk2mVbQzR5s"
	for name, test := range map[string]struct {
		content []byte
		now     time.Time
		why     string
	}{
		"empty":           {nil, minute(11), "not written by this program"},
		"foreign":         {[]byte("token: " + secret + "\n"), minute(11), "not written by this program"},
		"foreign JSON":    {[]byte(`{"format":"` + secret + `","version":1}` + "\n{}\n"), minute(11), "not written by this program"},
		"truncated":       {good[:len(good)/2], minute(11), "checksum"},
		"header only":     {good[:bytes.IndexByte(good, '\n')], minute(11), "checksum"},
		"one bit flipped": {bytes.Replace(good, []byte("vault_sealed"), []byte("vault_sealee"), 1), minute(11), "checksum"},
		"appended to":     {append(bytes.Clone(good), "x"...), minute(11), "checksum"},
		"newer":           {bytes.Replace(good, []byte(`"version":1`), []byte(`"version":2`), 1), minute(11), "a newer version"},
		"from the future": {good, minute(5), "in the future"},
	} {
		t.Run(name, func(t *testing.T) {
			file := statefile.At(filepath.Join(t.TempDir(), "state"))
			if err := os.WriteFile(string(file), test.content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := file.Read(test.now)
			unusable, ok := errors.AsType[*statefile.Unusable](err)
			if !ok || !strings.Contains(unusable.Why, test.why) || unusable.Do == "" || strings.Contains(fmt.Sprint(unusable), secret) {
				t.Fatalf("the error is %#v", err)
			}
			aside, err := file.SetAside()
			if err != nil {
				t.Fatal(err)
			}
			if kept, err := os.ReadFile(aside); err != nil || !bytes.Equal(kept, test.content) {
				t.Errorf("what is set aside is %q, %v", kept, err)
			}
			if err := file.Write(full()); err != nil {
				t.Error(err)
			}
		})
	}
}

// What is no regular file is neither read nor renamed.
func TestNoRegularFile(t *testing.T) {
	file := statefile.At(t.TempDir())
	if _, err := file.Read(noon); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("the error is %v", err)
	}
	if _, err := file.SetAside(); err == nil {
		t.Error("a directory was renamed")
	}
}

// What another version knows and this one does not is left out, and the rest is used.
func TestUnknownEntriesAreLeftOut(t *testing.T) {
	s := full()
	s.Targets[0].Reason, s.Incidents.Open[0].Reason = "of_another_version", "of_another_version"
	s.Workloads = append(s.Workloads, rehearse.Remembered{Login: workload.Login{Role: strings.Repeat("r", 1<<20)}, State: diagnose.WorkloadReady})
	file, _ := written(t, s)
	got, err := file.Read(minute(11))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Targets) != 1 || got.Targets[0].Name != "b" || len(got.Incidents.Open) != 0 || len(got.Incidents.Past) != 1 || len(got.Workloads) != 1 {
		t.Errorf("read %+v", got)
	}
}

func TestTooLarge(t *testing.T) {
	s := full()
	for range 5_000 {
		s.Incidents.Open = append(s.Incidents.Open, incident.Open{Record: s.Incidents.Open[0].Record, Members: []string{strings.Repeat("m", 4<<10)}})
	}
	file := statefile.At(filepath.Join(t.TempDir(), "state"))
	if err := file.Write(s); err == nil || !strings.Contains(err.Error(), "MiB") {
		t.Errorf("the error is %v", err)
	}
	if names := entries(t, filepath.Dir(string(file))); len(names) != 0 {
		t.Errorf("the directory has %q", names)
	}
}

func TestWriteFails(t *testing.T) {
	if err := statefile.At("/proc/state").Write(full()); err == nil {
		t.Error("a file was written to /proc")
	}
	file, old := written(t, full())
	if err := os.Mkdir(string(file)+".d", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := statefile.File(string(file) + ".d").Write(full()); err == nil {
		t.Error("a directory was replaced")
	}
	if got, err := os.ReadFile(string(file)); err != nil || !bytes.Equal(got, old) {
		t.Errorf("the other file is %q, %v", got, err)
	}
	if names := entries(t, filepath.Dir(string(file))); len(names) != 2 {
		t.Errorf("the directory has %q", names)
	}
}

// A symbolic link stays one.
func TestSymbolicLink(t *testing.T) {
	file, _ := written(t, full())
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(string(file), link); err != nil {
		t.Fatal(err)
	}
	s := full()
	s.Targets = nil
	if err := statefile.At(link).Write(s); err != nil {
		t.Fatal(err)
	}
	if got, err := file.Read(minute(11)); err != nil || len(got.Targets) != 0 {
		t.Errorf("the file has %+v, %v", got.Targets, err)
	}
}

func TestConfiguration(t *testing.T) {
	target := evidence.Target{
		Name: "a", Vault: evidence.Vault{Addr: "https://vault", Mount: "kubernetes", Role: "canary"}, Kubernetes: evidence.Kubernetes{Host: "https://api"},
		Reviewer: evidence.Origin{Source: evidence.SourceFile, TokenFile: "/reviewer"}, Interval: time.Minute,
	}
	same := map[string]func(*evidence.Target){
		"interval": func(t *evidence.Target) { t.Interval = time.Hour },
		"labels":   func(t *evidence.Target) { t.Labels = map[string]string{"team": "a"} },
		"pod":      func(t *evidence.Target) { t.Pod.Name = "exporter-1" },
		"CA":       func(t *evidence.Target) { t.Vault.CACert = "/ca" },
	}
	other := map[string]func(*evidence.Target){
		"address":   func(t *evidence.Target) { t.Vault.Addr = "https://other" },
		"namespace": func(t *evidence.Target) { t.Vault.Namespace = "admin" },
		"mount":     func(t *evidence.Target) { t.Vault.Mount = "k8s" },
		"role":      func(t *evidence.Target) { t.Vault.Role = "other" },
		"host":      func(t *evidence.Target) { t.Kubernetes.Host = "https://other" },
		"reviewer":  func(t *evidence.Target) { t.Reviewer.TokenFile = "/other" },
		"canary":    func(t *evidence.Target) { t.Canary.Source = evidence.SourceServiceAccount },
	}
	want := statefile.Configuration(target)
	for name, change := range same {
		changed := target
		change(&changed)
		if statefile.Configuration(changed) != want {
			t.Errorf("with another %s it is another target", name)
		}
	}
	for name, change := range other {
		changed := target
		change(&changed)
		if statefile.Configuration(changed) == want {
			t.Errorf("with another %s it is the same target", name)
		}
	}
}

// Whatever a file holds, reading it ends, and what is read can be written and is within the limits.
func FuzzRead(f *testing.F) {
	_, good := written(f, full())
	f.Add(good)
	f.Add([]byte(""))
	f.Add([]byte("{}\n{}\n"))
	f.Add(bytes.Replace(good, []byte(`"version":1`), []byte(`"version":9`), 1))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(path, statefile.Signed(content), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := statefile.At(path).Read(minute(11))
		if err != nil {
			if _, ok := errors.AsType[*statefile.Unusable](err); !ok {
				t.Fatalf("the error is %#v", err)
			}
			return
		}
		if s.Saved.After(minute(12)) || len(s.Incidents.Past) > 100 || len(s.Targets) > 5_000 {
			t.Fatalf("read %+v", s)
		}
		for _, target := range s.Targets {
			if target.Reason.Component() == "" || target.Since.IsZero() || target.Seen.Before(target.Since) || target.Seen.After(minute(13)) {
				t.Fatalf("read %+v", target)
			}
		}
		if err := statefile.At(path).Write(s); err != nil {
			t.Fatal(err)
		}
	})
}

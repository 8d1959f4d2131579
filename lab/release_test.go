package lab

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestInstallationOf(t *testing.T) {
	for name, want := range map[string]Installation{
		"OpenBao v2.6.2 (0123abc), built 2026-08-21T18:00:00Z\n": {Release: Release{Product: "OpenBao", Version: "2.6.2"}},
		"OpenBao 2.6.0-beta20260622":                             {Release: Release{Product: "OpenBao", Version: "2.6.0-beta20260622"}},
		"Vault v1.21.4 (0123abc), built 2026-01-01T00:00:00Z\n":  {Release: Release{Product: "Vault", Version: "1.21.4"}, Plugin: "v0.23.1"},
		"Vault v1.15.16+ent (0123abc)":                           {Release: Release{Product: "Vault", Version: "1.15.16+ent"}, Plugin: "v0.17.1"},
		"Vault v1.11.0, built 2022-06-17":                        {Release: Release{Product: "Vault", Version: "1.11.0"}, Plugin: "v0.12.1"},
		"Vault v2.0.0":                                           {Release: Release{Product: "Vault", Version: "2.0.0"}, Plugin: "v0.23.1"},
	} {
		got, err := InstallationOf(name)
		if err != nil || got != want {
			t.Errorf("%q: %+v (%v), want %+v", name, got, err, want)
		}
		if again, err := InstallationOf(got.String()); err != nil || again != want {
			t.Errorf("%q: %+v (%v), want %+v", got, again, err, want)
		}
	}
	for _, name := range []string{"", "plugin v0.12.1", "Consul v1.2.3", "Vault v1", "no SelfSubjectReview"} {
		if got, err := InstallationOf(name); err == nil {
			t.Errorf("%q: %+v, want an error", name, got)
		}
	}
	if bao, _ := InstallationOf("OpenBao 2.6.2"); bao.HasAnnotations() || !bao.HasSelectors() {
		t.Error("OpenBao has namespace selectors, and no annotations")
	}
}

func TestReleaseNamed(t *testing.T) {
	script := func(text string) string {
		path := filepath.Join(t.TempDir(), "bao")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv(ReleaseVariable, "")
	if got, err := ReleaseNamed(t.Context()); err != nil || got != (Installation{}) {
		t.Errorf("nothing is named: %+v, %v", got, err)
	}
	bao := script(`test "$*" = version && echo "OpenBao v2.6.2"`)
	t.Setenv(ReleaseVariable, bao)
	if got, err := ReleaseNamed(t.Context()); err != nil || got.Release != (Release{"OpenBao", "2.6.2", bao}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, wrong := range []string{script("echo hello"), script("exit 3"), "/does/not/exist"} {
		t.Setenv(ReleaseVariable, wrong)
		if got, err := ReleaseNamed(t.Context()); err == nil || !strings.HasPrefix(err.Error(), ReleaseVariable+"="+wrong) {
			t.Errorf("%s: %+v, %v, want an error that names the variable and the binary", wrong, got, err)
		}
	}
}

// A release gets the configuration of a server that is like the lab's own, writes to the log that the lab reads, and ends
// with the lab.
func TestReleaseIsStarted(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "bao")
	if err := os.WriteFile(binary, []byte("#!/bin/sh\necho \"$@\"; exec sleep 60"), 0o700); err != nil {
		t.Fatal(err)
	}
	i := Installation{Release: Release{"OpenBao", "2.6.2", binary}, TLS12: true}
	p, err := startVaultServer(dir, binary, i, vaultProcess{name: "vault-0", listen: "127.0.0.1:1", log: "vault-0.log", raft: true, cluster: "127.0.0.1:2"})
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if log, _ := os.ReadFile(filepath.Join(dir, "vault-0.log")); string(log) == "server -config=vault-0.json\n" {
			break
		} else if time.Now().After(end) {
			t.Fatalf("the log is %q", log)
		}
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	if text := p.cmd.ProcessState.String(); !strings.Contains(text, "terminated") {
		t.Errorf("at the end of standard input: %s, want SIGTERM", text)
	}
	written, err := os.ReadFile(filepath.Join(dir, "vault-0.json"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Storage struct {
			Raft map[string]string `json:"raft"`
		} `json:"storage"`
		Listener []struct {
			TCP map[string]string `json:"tcp"`
		} `json:"listener"`
	}
	if err := json.Unmarshal(written, &config); err != nil || config.Storage.Raft["path"] != "vault-0" || len(config.Listener) != 1 ||
		config.Listener[0].TCP["address"] != "127.0.0.1:1" || config.Listener[0].TCP["cluster_address"] != "127.0.0.1:2" || config.Listener[0].TCP["tls_max_version"] != "tls12" {
		t.Errorf("the configuration (%v):\n%s", err, written)
	}

	i.HTTP1 = true
	if _, err := startVaultServer(dir, binary, i, vaultProcess{name: "vault"}); err == nil {
		t.Error("a release that offers no HTTP/2 was started")
	}
}

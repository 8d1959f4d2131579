package main

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// badFiles are files of which none may be waited for or read to its end, and what is said
// of each.
func badFiles(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(syscall.Mkfifo(at("pipe"), 0o600))
	do(os.Symlink("pipe", at("link")))
	do(os.WriteFile(at("large"), nil, 0o600))
	do(os.Truncate(at("large"), 1<<33))
	listener, err := net.Listen("unix", at("socket"))
	do(err)
	t.Cleanup(func() { listener.Close() })
	return map[string]string{
		at("pipe"):   "no regular file, but a named pipe",
		at("link"):   "no regular file, but a named pipe",
		at("socket"): "no regular file, but a socket",
		dir:          "no regular file, but a directory",
		"/dev/zero":  "no regular file, but a device",
		at("large"):  "too large",
		at("gone"):   "no such file",
	}
}

// within fails the test if work does not return.
func within(t *testing.T, limit time.Duration, what string, work func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		work()
	}()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatalf("%s does not end", what)
	}
}

var namesFile = regexp.MustCompile(`_(FILE|CACERT|CERT|KEY)$`)

// silent are the files without which a run goes on, and says nothing, and that which check does not
// use.
var silent = []string{"EXPORTER_VAULT_TOKEN_FILE", "EXPORTER_KUBERNETES_TOKEN_FILE", "EXPORTER_STATE_FILE"}

// Whatever a variable names, check ends, and says of a file what is wrong with it.
func TestCheckEndsWhateverFilesAre(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	var printed transcript
	if code := run(t.Context(), []string{"config"}, &printed, &printed); code != exitOK {
		t.Fatalf("config: %s", &printed)
	}
	bad, files := badFiles(t), 0
	for _, match := range regexp.MustCompile(`(?m)^# ?(EXPORTER_\w+)=|^(EXPORTER_\w+)=`).FindAllStringSubmatch(printed.String(), -1) {
		name := match[1] + match[2]
		isFile := namesFile.MatchString(name)
		if isFile {
			files++
		}
		for path, why := range bad {
			t.Run(name+" "+why, func(t *testing.T) {
				t.Setenv(name, path)
				var out transcript
				within(t, 10*time.Second, "check", func() { run(t.Context(), []string{"check"}, &out, &out) })
				quiet := !isFile || strings.Contains(strings.Join(silent, " "), name)
				if text := out.String(); !quiet && !strings.Contains(text, why) {
					t.Errorf("what is wrong is not said:\n%s", text)
				}
			})
		}
	}
	if files < 9 {
		t.Errorf("only %d variables that name files were found in\n%s", files, &printed)
	}
}

// A token, a CA and the targets file become named pipes while serve runs: it says so, reads
// nothing of them, and ends when it is told to.
func TestServeEndsWhateverFilesBecome(t *testing.T) {
	w := probetest.NewWorld(t)
	pipe := func(path string) {
		t.Helper()
		if err := syscall.Mkfifo(path+".pipe", 0o600); err != nil {
			t.Fatal(err)
		}
		probetest.Swap(t, path+".pipe", path)
	}
	setTarget(t, w.Target)
	file := newTargetsFile(t, listed("one"))
	s := startServing(t)
	s.awaits(`up{target="one"}`, "1")
	pipe(w.Target.Vault.CACert)
	s.awaits(`verdict_info{certainty="proven",component="exporter",reason="exporter_ca_unreadable",target="one"}`, "1")
	if got := s.sample(`up{target="one"}`); got != "" {
		t.Errorf("up is %s, where only the exporter's own file is at fault", got)
	}
	pipe(w.Target.Canary.TokenFile)
	pipe(file.path)
	s.awaits("exporter_config_last_reload_successful", "0")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.eventually("reload", func() bool { return strings.Contains(s.out.String(), "cause=SIGHUP") }) // one that came later would end the test
	within(t, 15*time.Second, "serve", func() { s.end() })
}

// The exporter-toolkit reads its files by path: they are checked before.
func TestWebConfigFilesAreRegular(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	dir := t.TempDir()
	for path, why := range badFiles(t) {
		for _, content := range []string{"", "tls_server_config:\n  cert_file: FILE\n  key_file: /k\n", "tls_server_config:\n  client_ca_file: FILE\n"} {
			config := path
			if content != "" {
				config = filepath.Join(dir, "web.yaml")
				if err := os.WriteFile(config, []byte(strings.ReplaceAll(content, "FILE", path)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var out transcript
			code := -1
			within(t, 10*time.Second, "serve", func() {
				code = run(t.Context(), []string{"--web.config.file=" + config, "--web.listen-address=127.0.0.1:0", "--health.listen-address=127.0.0.1:0"}, &out, &out)
			})
			if code != exitUsage || !strings.Contains(out.String(), why) {
				t.Errorf("%q in %q: exit code %d, want %q:\n%s", path, content, code, why, &out)
			}
		}
	}
}

// The web configuration becomes a named pipe while serve runs: no request waits for it,
// and scrapes succeed again once the file is back.
func TestScrapesDoNotWaitForTheWebConfig(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	config := w.File("web.yml", "http_server_config:\n  http2: false\n")
	s := startServing(t, "--web.config.file="+config)
	s.awaits(`up{target="default"}`, "1")
	if err := os.Link(config, config+".kept"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(config+".pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	probetest.Swap(t, config+".pipe", config)
	within(t, 5*time.Second, "a scrape", func() {
		if code, body := s.get(s.metrics, "/metrics"); code != 0 {
			t.Errorf("a scrape = %d %s", code, body)
		}
	})
	if !strings.Contains(s.out.String(), "the web configuration cannot be read") {
		t.Errorf("the log does not say why:\n%s", s.out)
	}
	probetest.Swap(t, config+".kept", config)
	s.awaits(`up{target="default"}`, "1")
}

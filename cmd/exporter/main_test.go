package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(asExporter) != "":
		main()
	case os.Getenv(loadTargets) != "":
		os.Exit(serveLoad())
	}
	flag.Parse()
	// Scenarios wait for timeouts more than they compute. -parallel is one per CPU.
	if fuzzing := flag.Lookup("test.fuzz").Value.String() != ""; !fuzzing {
		if err := flag.Set("test.parallel", "8"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// setTarget configures a world's target through the environment.
func setTarget(t *testing.T, target evidence.Target) {
	t.Helper()
	for name, value := range map[string]string{
		"VAULT_ADDR": target.Vault.Addr, "VAULT_CACERT": target.Vault.CACert, "VAULT_ROLE": target.Vault.Role,
		"KUBERNETES_HOST": target.Kubernetes.Host, "KUBERNETES_CACERT": target.Kubernetes.CACert,
		"REVIEWER_TOKEN_FILE": target.Reviewer.TokenFile, "CANARY_TOKEN_FILE": target.Canary.TokenFile,
		"TIMEOUT": "4s", "INTERVAL": "11s", "RECHECK_INTERVAL": "1s", // on a busy machine, too
	} {
		t.Setenv("EXPORTER_"+name, value)
	}
}

// transcript is what a run printed. It is safe to read while the run goes on.
type transcript struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func TestCheckExitCodes(t *testing.T) {
	for name, test := range map[string]struct {
		arrange        func(*probetest.World)
		args           []string
		code           int
		stdout, stderr string
	}{
		"healthy":         {nil, []string{"check"}, 0, "default: healthy", ""},
		"not known":       {func(w *probetest.World) { w.Target.Canary.TokenFile += ".gone" }, []string{"check"}, 1, "default: NOT KNOWN, canary_token_missing (canary, proven): whether pods can log in is not known", ""},
		"unhealthy":       {func(w *probetest.World) { w.OnVault("", probetest.Close) }, []string{"check"}, 1, "vault_unreachable", ""},
		"warnings only":   {func(w *probetest.World) { w.Target.Reviewer.TokenFile += ".gone" }, []string{"check"}, 0, "reviewer_stale_copy", ""},
		"named target":    {nil, []string{"check", "--target", "default"}, 0, "default: healthy", ""},
		"unknown target":  {nil, []string{"check", "--target", "other"}, 2, "", `--target "other" is not configured; the targets are: default`},
		"unknown output":  {nil, []string{"check", "--output", "xml"}, 2, "", "text,json"},
		"verbose, quiet":  {nil, []string{"check", "-v", "-q"}, 2, "", "--verbose and --quiet exclude each other"},
		"unknown flag":    {nil, []string{"check", "--nonsense"}, 2, "", "--nonsense"},
		"unknown command": {nil, []string{"chek"}, 2, "", `exporter: "chek" is not a command; the commands are: serve, check, workloads, config, setup; see exporter --help`},
		"more arguments":  {nil, []string{"check", "default"}, 2, "", "exporter: unexpected default; see exporter --help"},
		"version":         {nil, []string{"--version"}, 0, "vault-k8s-auth-exporter, version", ""},
		"help":            {nil, []string{"--help"}, 0, "usage: exporter", ""},
		"where it is":     {nil, []string{"--help"}, 0, status.Repository + "docs/configuration.md", ""},
		"config":          {nil, []string{"config"}, 0, "EXPORTER_VAULT_ROLE=canary", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := probetest.NewWorld(t)
			if test.arrange != nil {
				test.arrange(w)
			}
			setTarget(t, w.Target)
			var stdout, stderr transcript
			if code := run(t.Context(), test.args, &stdout, &stderr); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !strings.Contains(stdout.String(), test.stdout) {
				t.Errorf("stdout lacks %q:\n%s", test.stdout, &stdout)
			}
			if !strings.Contains(stderr.String(), test.stderr) || test.stderr == "" && stderr.String() != "" {
				t.Errorf("stderr is %q, want %q", &stderr, test.stderr)
			}
		})
	}
}

func TestConfigurationErrorsComeAllAtOnce(t *testing.T) {
	t.Setenv("EXPORTER_VAULT_ADDR", "vault:8200")
	t.Setenv("EXPORTER_INTERVAL", "soon")
	t.Setenv("EXPORTER_REVIEWER_TOKEN_FILE", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0."+probetest.Mark)
	var stdout, stderr transcript
	if code := run(t.Context(), nil, &stdout, &stderr); code != exitUsage {
		t.Errorf("exit code %d, want %d", code, exitUsage)
	}
	for _, variable := range []string{"EXPORTER_VAULT_ADDR", "EXPORTER_INTERVAL", "EXPORTER_REVIEWER_TOKEN_FILE", "EXPORTER_VAULT_ROLE", "EXPORTER_CANARY_TOKEN_FILE"} {
		if strings.Count(stderr.String(), "exporter: "+variable+":") != 1 {
			t.Errorf("stderr does not name %s once:\n%s", variable, &stderr)
		}
	}
	if leaks := probetest.Leaks(stderr.String()); len(leaks) > 0 {
		t.Errorf("stderr holds %q", leaks)
	}
}

func TestCheckJSONOfARun(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	var stdout, stderr transcript
	run(t.Context(), []string{"check", "--output=json"}, &stdout, &stderr)
	decoder := json.NewDecoder(strings.NewReader(stdout.String()))
	decoder.DisallowUnknownFields()
	var got status.Report
	if err := decoder.Decode(&got); err != nil {
		t.Fatalf("decoding %s: %v", &stdout, err)
	}
	if len(got.Targets) != 1 || !got.Targets[0].Healthy || got.Targets[0].Reason != diagnose.None || len(got.Targets[0].Steps) != len(evidence.StepNames) {
		t.Errorf("report = %+v", got)
	}
}

// serving is a run of serve that goes on.
type serving struct {
	t       *testing.T
	out     *transcript
	metrics string
	health  string
	end     func() int
}

var (
	metricsAddress = regexp.MustCompile(`msg="Listening on" address=(\S+)`)
	healthAddress  = regexp.MustCompile(`msg=Listening for=health address=(\S+)`)
	debugAddress   = regexp.MustCompile(`msg=Listening for=debug address=(\S+)`)
)

func startServing(t *testing.T, args ...string) *serving {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &serving{t: t, out: new(transcript)}
	code := make(chan int, 1)
	go func() {
		if !slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--web.listen-address=") }) {
			args = append(args, "--web.listen-address=127.0.0.1:0")
		}
		code <- run(ctx, append(args, "--health.listen-address=127.0.0.1:0"), s.out, s.out)
	}()
	s.end = sync.OnceValue(func() int {
		cancel()
		return <-code
	})
	t.Cleanup(func() { s.end() })
	s.metrics = s.address(metricsAddress)
	s.health = s.address(healthAddress)
	return s
}

func (s *serving) address(pattern *regexp.Regexp) string {
	s.t.Helper()
	var found string
	s.eventually("listening", func() bool {
		match := pattern.FindStringSubmatch(s.out.String())
		if match != nil {
			found = match[1]
		}
		return match != nil
	})
	return found
}

// hasProbedAll reports whether the first round is over. Until the scheduler is up, no run can be
// requested, and until the round is over, the exporter is not ready.
func (s *serving) hasProbedAll() bool {
	return strings.Contains(s.out.String(), "First round of probes completed")
}

func (s *serving) eventually(what string, holds func() bool) {
	s.t.Helper()
	tick, limit := time.NewTicker(20*time.Millisecond), time.NewTimer(20*time.Second)
	defer tick.Stop()
	defer limit.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-limit.C:
			s.t.Fatalf("no %s in time; the log:\n%s", what, s.out)
		}
	}
}

func (s *serving) get(address, path string) (int, string) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + address + path)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(body)
}

func (s *serving) exposes(sample string) bool {
	_, body := s.get(s.metrics, "/metrics")
	return strings.Contains(body, sample+"\n")
}

func TestServe(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	s := startServing(t, "serve", "--log.format=logfmt")
	s.eventually("healthy verdict", func() bool { return s.exposes(`vault_k8s_auth_up{target="default"} 1`) })
	s.eventually("first round", s.hasProbedAll)
	if code, body := s.get(s.health, "/readyz"); code != 200 {
		t.Errorf("/readyz = %d %s", code, body)
	}
	if code, body := s.get(s.health, "/healthz"); code != 200 {
		t.Errorf("/healthz = %d %s", code, body)
	}
	if code, body := s.get(s.metrics, "/"); code != 200 || !strings.Contains(body, "/metrics") {
		t.Errorf("/ = %d %s", code, body)
	}
	if code, _ := s.get(s.metrics, "/nonsense"); code != 404 {
		t.Errorf("/nonsense = %d, want 404", code)
	}

	w.Vault.Change(func(v *probetest.Vault) { v.Sealed = true })
	s.eventually("sealed verdict", func() bool {
		return s.exposes(`vault_k8s_auth_verdict_info{certainty="proven",component="vault",reason="vault_sealed",target="default"} 1`)
	})
	if code := s.end(); code != exitOK {
		t.Errorf("exit code %d, want %d; the log:\n%s", code, exitOK, s.out)
	}
	if got := strings.Count(s.out.String(), `msg="Incident began"`); got != 1 || strings.Contains(s.out.String(), "Verdict") {
		t.Errorf("%d incidents were logged, want one, and no verdict of a run:\n%s", got, s.out)
	}
	if want := `msg="First round of probes completed" targets=1 healthy=1 incidents=0`; !strings.Contains(s.out.String(), want) {
		t.Errorf("the log does not say %s:\n%s", want, s.out)
	}
	if w.Vault.Live() != 0 {
		t.Errorf("%d tokens are left", w.Vault.Live())
	}
	if leaks := probetest.Leaks(s.out.String(), w.Credentials()...); len(leaks) > 0 {
		t.Errorf("the log holds %q", leaks)
	}
}

func TestServeEndsAHangingProbe(t *testing.T) {
	w := probetest.NewWorld(t)
	arrived := make(chan struct{}, 10)
	w.OnLogin(func(rw http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		probetest.Hang(rw, r)
	})
	setTarget(t, w.Target)
	t.Setenv("EXPORTER_TIMEOUT", "30s")
	t.Setenv("EXPORTER_INTERVAL", "60s")
	s := startServing(t)
	<-arrived
	start := time.Now()
	if code := s.end(); code != exitOK {
		t.Errorf("exit code %d, want %d", code, exitOK)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the end took %s, want at most 5 s", took)
	}
	if strings.Contains(s.out.String(), "Incident began") {
		t.Errorf("a run that was cut short was taken for a verdict:\n%s", s.out)
	}
}

// A mistake in a flag is one of usage: it is not logged, and nothing starts.
func TestServeFlags(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	const allowed = " is not an address; allowed: HOST:PORT or :PORT, such as 127.0.0.1:10190"
	for arg, want := range map[string]string{
		"--web.listen-address=nope":            `--web.listen-address: "nope"` + allowed,
		"--health.listen-address=:none":        `--health.listen-address: ":none"` + allowed,
		"--debug.listen-address=::1:10192":     `--debug.listen-address: "::1:10192"` + allowed,
		"--web.listen-address=127.0.0.1:65536": `--web.listen-address: "127.0.0.1:65536"` + allowed,
		"--web.config.file=/no/such/file":      "--web.config.file: reading web configuration: open /no/such/file: no such file or directory",
	} {
		var out transcript
		if code := run(t.Context(), []string{"serve", arg}, &out, &out); code != exitUsage || out.String() != "exporter: "+want+"\n" {
			t.Errorf("%s: exit code %d, want %d:\n%s", arg, code, exitUsage, &out)
		}
	}
}

func TestServeFailsWhereAPortIsTaken(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, name := range []string{"--web.listen-address", "--health.listen-address", "--debug.listen-address"} {
		args := []string{"--web.listen-address=127.0.0.1:0", "--health.listen-address=127.0.0.1:0"}
		switch name {
		case "--web.listen-address":
			args[0] = fmt.Sprintf("%s=%s", name, taken.Addr())
		case "--health.listen-address":
			args[1] = fmt.Sprintf("%s=%s", name, taken.Addr())
		default:
			args = append(args, fmt.Sprintf("%s=%s", name, taken.Addr()))
		}
		var out transcript
		if code := run(t.Context(), args, &out, &out); code != exitUnhealthy || !strings.Contains(out.String(), "address already in use") {
			t.Errorf("%s taken: exit code %d, want %d; the log:\n%s", name, code, exitUnhealthy, &out)
		}
	}
}

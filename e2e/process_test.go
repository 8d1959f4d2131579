package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// allOutput has everything that any exporter of this package printed or served.
var allOutput syncBuffer

// A syncBuffer is a bytes.Buffer for concurrent use.
type syncBuffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// A recordedOutput is the output of one process. Everything written to it is also added to
// allOutput.
type recordedOutput struct{ syncBuffer }

func (t *recordedOutput) Write(p []byte) (int, error) {
	_, _ = allOutput.Write(p)
	return t.syncBuffer.Write(p)
}

// environment is the exporter's whole environment: short intervals for tests, and the given
// variables. It passes on only PATH from the developer's.
func environment(given []string, extra ...string) []string {
	return slices.Concat(
		[]string{"PATH=" + os.Getenv("PATH"), "EXPORTER_TIMEOUT=1s", "EXPORTER_INTERVAL=8s", "EXPORTER_RECHECK_INTERVAL=1s"},
		given, extra)
}

// sharedEnv is the environment for the shared lab, with bare evidence.
func sharedEnv(extra ...string) []string { return environment(shared.lab.Env(), extra...) }

// An outcome is how a process ended.
type outcome struct {
	code           int
	stdout, stderr string
}

// run runs the exporter until it exits, at most a minute.
func run(t testing.TB, env []string, args ...string) outcome {
	t.Helper()
	return runAs(t, shared.exporter, env, args...)
}

// runAs is run with another binary of the exporter.
func runAs(t testing.TB, binary string, env []string, args ...string) outcome {
	t.Helper()
	return runReading(t, nil, binary, env, args...)
}

// runReading is runAs with a standard input, of which nil is an empty one.
func runReading(t testing.TB, stdin io.Reader, binary string, env []string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var stdout, stderr recordedOutput
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, stdin, &stdout, &stderr
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatalf("running the exporter: %v", err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// A report is the JSON output of check. Unknown keys are errors, because the keys are public.
type report struct {
	Targets   []targetReport
	Incidents []struct {
		Reason, Component, Object string
		Since                     time.Time
		Targets                   []string
	}
}

type targetReport struct {
	Target, Reason, Component, Certainty, Detail, Runbook string
	Healthy                                               bool
	Because, Fix, Notes                                   []string
	Check                                                 []checkLine
	Reviewer                                              struct{ Reason, Component, Detail string }
	Started                                               time.Time
	Duration                                              float64 `json:"duration_seconds"`
	Expiries                                              []struct {
		Item, Name, Until, Effect, Then, Component, Source string
		Begin, End                                         time.Time
		WarnAt                                             time.Time `json:"warn_at"`
	}
	Warnings []warningReport
	Steps    []struct {
		Step, State, Detail string
		Duration            float64 `json:"duration_seconds"`
	}
}

type warningReport struct {
	Warning, Detail string
	Fix, Notes      []string
	Check           []checkLine
}

// A checkLine is a command that only reads, and what in its output confirms the diagnosis.
type checkLine struct{ Command, Shows string }

func (r targetReport) warns(of string) bool {
	for _, w := range r.Warnings {
		if w.Warning == of {
			return true
		}
	}
	return false
}

// check runs check --output=json and returns its report, which must have one target.
func check(t testing.TB, env []string) (outcome, report) {
	t.Helper()
	o := run(t, env, "check", "--output=json")
	return o, decodeReport(t, o)
}

// checkAs is check with another binary of the exporter.
func checkAs(t testing.TB, binary string, env []string) targetReport {
	t.Helper()
	return decodeReport(t, runAs(t, binary, env, "check", "--output=json")).Targets[0]
}

func decodeReport(t testing.TB, o outcome) report {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(o.stdout))
	decoder.DisallowUnknownFields()
	var r report
	if err := decoder.Decode(&r); err != nil || len(r.Targets) != 1 {
		t.Fatalf("reading the report of check: %v\n%s%s", err, o.stdout, o.stderr)
	}
	return r
}

// A process is an exporter that runs serve.
type process struct {
	t      testing.TB
	cmd    *exec.Cmd
	out    *recordedOutput
	exited chan struct{}
}

func serve(t testing.TB, env []string, args ...string) *process {
	t.Helper()
	return serveAs(t, shared.exporter, env, args...)
}

// serveAs is serve with another binary of the exporter.
func serveAs(t testing.TB, binary string, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, out: new(recordedOutput), exited: make(chan struct{})}
	p.cmd = exec.Command(binary, append([]string{"serve", "--log.format=json", "--log.level=debug",
		"--web.listen-address=127.0.0.1:0", "--health.listen-address=127.0.0.1:0"}, args...)...)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting the exporter: %v", err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // the exit code is in ProcessState
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
	})
	return p
}

// terminate sends SIGTERM, as a kubelet does, and returns the exit code and how long the shutdown
// took.
func (p *process) terminate() (code int, elapsed time.Duration) {
	p.t.Helper()
	start := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatalf("stopping the exporter: %v", err)
	}
	select {
	case <-p.exited:
	case <-time.After(20 * time.Second):
		p.t.Fatalf("the exporter did not exit; its log:\n%s", p.out)
	}
	return p.cmd.ProcessState.ExitCode(), time.Since(start)
}

// A logLine is one line of the exporter's JSON log.
type logLine struct {
	Msg, For, Address, Reason string
}

func (p *process) log() []logLine {
	var lines []logLine
	for text := range strings.Lines(p.out.String()) {
		var l logLine
		if json.Unmarshal([]byte(text), &l) == nil {
			lines = append(lines, l)
		}
	}
	return lines
}

// address waits until the process listens, and returns the address for "health", or for metrics and
// the page if name is empty.
func (p *process) address(name string) string {
	p.t.Helper()
	var found string
	eventually(p.t, 20*time.Second, "the exporter to listen", func() bool {
		for _, l := range p.log() {
			if l.Address != "" && l.For == name {
				found = l.Address
				return true
			}
		}
		return false
	}, p.out.String)
	return found
}

// eventually polls until holds returns true, and returns how long that took. Beyond the limit it
// fails the test and prints details.
func eventually(t testing.TB, limit time.Duration, what string, holds func() bool, details func() string) time.Duration {
	t.Helper()
	start := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if <-tick.C; time.Since(start) > limit && !holds() { // it may have taken that long
			t.Fatalf("waiting for %s: not within %s\n%s", what, limit, details())
		}
	}
	return time.Since(start)
}

// verdictChanges counts the logged changes of the verdict.
func (p *process) verdictChanges() int {
	n := 0
	for _, l := range p.log() {
		if l.Msg == "Verdict changed" {
			n++
		}
	}
	return n
}

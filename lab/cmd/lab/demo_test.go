package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// The demo shows faults of the simulated servers, and then the real ones take over in the same process of the exporter.
func TestDemoFromSimulatedToReal(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: it starts the real servers")
	}
	for _, build := range []func(context.Context, io.Writer) (string, error){lab.BuildExporter, lab.BuildSimulated} {
		if _, err := build(t.Context(), io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	stopped, stop := context.WithCancel(t.Context())
	defer stop()
	var out output
	d := newDemo(&out, io.Discard)
	compiled := make(chan struct{})
	d.build = func(ctx context.Context) error {
		select {
		case <-compiled:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- d.run(stopped, 6, false) }()
	out.waitFor(t, "SIMULATED")

	for _, fault := range []string{"vault_sealed", "vault_dns", "reviewer_forbidden"} {
		out.forget()
		mustRun(t, "injected "+fault+" into the simulated servers", "fault", fault)
		out.waitFor(t, "  simulated  down  "+fault+" (")
		mustRun(t, "healed "+fault, "heal")
		out.waitFor(t, "  simulated  up\n")
	}
	mustRun(t, "injected role_missing into", "fault", "role_missing")
	out.waitFor(t, "  simulated  down  role_missing")
	exporter := exporterID(t, d.exporter.log)

	out.forget()
	close(compiled)
	out.waitFor(t, "inject it again with make fault NAME=role_missing\n")
	out.waitFor(t, "probing a real Vault")
	if printed := out.String(); !strings.Contains(printed, "  up\n") || strings.Contains(printed, "  up\n") && strings.Contains(printed, "simulated  down") {
		t.Errorf("at the takeover the demo printed\n%s", printed)
	}
	if again := exporterID(t, d.exporter.log); again != exporter {
		t.Errorf("the exporter was restarted: %s, then %s", exporter, again)
	}
	out.forget()
	mustRun(t, "injected role_missing; undo it", "fault", "role_missing")
	out.waitFor(t, "  down  role_missing")
	if strings.Contains(out.String(), "simulated") {
		t.Errorf("a fault of the real servers is said to be simulated:\n%s", &out)
	}

	files := []string{d.dir.Path(""), d.lab.Dir(), filepath.Join("..", "..", "..", ".lab", "current")}
	stop()
	if err := <-ended; err == nil || err.Error() != context.Canceled.Error() {
		t.Errorf("the demo ended with %v", err)
	}
	for _, path := range files {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
}

// A demo that is stopped while the real servers compile leaves nothing.
func TestDemoStopsWhileCompiling(t *testing.T) {
	if testing.Short() {
		t.Skip("left out with -short: it compiles the exporter")
	}
	stopped, stop := context.WithCancel(t.Context())
	defer stop()
	var out output
	d := newDemo(&out, io.Discard)
	d.build = func(ctx context.Context) error {
		stop()
		<-ctx.Done()
		return ctx.Err()
	}
	if err := d.run(stopped, 6, false); err == nil || err.Error() != context.Canceled.Error() {
		t.Errorf("the demo ended with %v", err)
	}
	for _, path := range []string{d.dir.Path(""), filepath.Join("..", "..", "..", ".lab", "current")} {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
}

// mustRun runs the lab command and requires a text in its output.
func mustRun(t *testing.T, want string, args ...string) {
	t.Helper()
	if code, stdout, stderr := runCommand(t, args...); code != 0 || !strings.Contains(stdout, want) {
		t.Fatalf("lab %v: %d\n%s%s", args, code, stdout, stderr)
	}
}

// exporterID is the first line of the exporter's log, with the time of its start.
func exporterID(t *testing.T, log string) string {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return first
}

// output is what a demo has printed.
type output struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Reset()
}

// waitFor allows for several runs, and for a busy machine.
func (o *output) waitFor(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 12*lab.DemoInterval)
	defer cancel()
	began := time.Now()
	if err := until(ctx, func() bool { return strings.Contains(o.String(), text) }); err != nil {
		t.Fatalf("%q did not appear in %s:\n%s", text, time.Since(began).Round(time.Second), o)
	}
}

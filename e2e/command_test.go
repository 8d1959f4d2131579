package e2e

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// patience is ample for a command that ends by itself, also where the race detector
// slows it down.
const patience = 40 * time.Second

// interval and timeout are the shortest that go together.
const (
	interval = 8 * time.Second
	timeout  = time.Second
	recheck  = time.Second
)

// environment is all that the exporter gets to see of the world, the last of each
// variable counting. It can be shown.
func environment(changed ...string) []string {
	env := append(world.lab.Env(),
		"EXPORTER_INTERVAL="+interval.String(), "EXPORTER_TIMEOUT="+timeout.String(), "EXPORTER_RECHECK_INTERVAL="+recheck.String())
	return append(env, changed...)
}

// An ending is what a command left behind.
type ending struct {
	code           int
	stdout, stderr string
}

// run runs the exporter to its end.
func run(t *testing.T, env []string, args ...string) ending {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, world.binary, args...)
	cmd.Env = slices.Concat([]string{}, env) // nil would be ours
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	everything.add("the output of exporter "+args[0], stdout.String()+"\n"+stderr.String())
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && (!ended || ctx.Err() != nil) {
		t.Fatalf("running exporter %q: %v; it printed:\n%s%s", args, err, &stdout, &stderr)
	}
	return ending{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"vault-k8s-auth-exporter/lab"
)

// world is what all tests share.
var world struct {
	lab    *lab.Lab
	binary string // the exporter
	tokens int    // that live in a Vault which the exporter has not met
}

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("e2e: left out with -short, since it starts a real API server and a real Vault")
		return
	}
	os.Exit(inWorld(m.Run))
}

// inWorld runs the tests in a world and takes that down, also on Ctrl-C. Where the
// process is killed or a goroutine of a test panics it still goes: the servers end
// with the pipe on their standard input, an exporter with the next line that it
// logs into a pipe that nobody reads.
func inWorld(tests func() int) (code int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	end, err := makeWorld(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer func() {
		if err := end(); err != nil {
			fmt.Fprintln(os.Stderr, "e2e: taking the lab down:", err)
			code = 1
		}
	}()
	context.AfterFunc(ctx, func() {
		_ = end()
		os.Exit(1)
	})
	if code = tests(); code == 0 && !testing.Short() {
		code = lastSearch()
	}
	return code
}

// lastSearch finds what was printed after the test that searches, too.
func lastSearch() int {
	leaks := everything.leaks()
	for _, leak := range leaks {
		fmt.Fprintln(os.Stderr, "e2e: a secret was printed:", leak)
	}
	return min(len(leaks), 1)
}

func makeWorld(ctx context.Context) (end func() error, err error) {
	dir, err := os.MkdirTemp("", "vault-k8s-auth-e2e-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if world.binary, err = buildExporter(ctx, dir); err != nil {
		return nil, err
	}
	if world.lab, err = lab.Start(ctx, lab.Options{Log: os.Stderr}); err != nil {
		return nil, fmt.Errorf("starting the lab: %w", err)
	}
	end = func() error { return errors.Join(world.lab.Close(), os.RemoveAll(dir)) }
	if world.tokens, err = world.lab.Accessors(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("counting tokens: %w", err), end())
	}
	return end, everything.learnTokens()
}

package main

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// A SIGHUP that comes while the configuration is read for the first time reloads it once
// that is done. For check and config it has its usual effect.
func TestHangupWhileStarting(t *testing.T) {
	w := probetest.NewWorld(t)
	setTarget(t, w.Target)
	file := newTargetsFile(t, listed("one"))
	for command, survives := range map[string]bool{"serve": true, "check": false} {
		t.Run(command, func(t *testing.T) {
			if !survives && signal.Ignored(syscall.SIGHUP) {
				t.Skip("this process ignores SIGHUP, as under nohup, and so does what it starts")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			program := exec.CommandContext(ctx, os.Args[0], command)
			if command == "serve" {
				program.Args = append(program.Args, "--web.listen-address=127.0.0.1:0", "--health.listen-address=127.0.0.1:0")
			}
			program.Env = append(os.Environ(), asExporter+"=1")
			out := new(transcript)
			program.Stdout, program.Stderr = out, out
			opened := whenOpened(t, file.path)
			if err := program.Start(); err != nil {
				t.Fatal(err)
			}
			opened()
			if err := program.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			if survives {
				s := serving{t: t, out: out}
				s.eventually("reload", func() bool { return strings.Contains(out.String(), "cause=SIGHUP") })
				_ = program.Process.Signal(syscall.SIGTERM)
			}
			_ = program.Wait()
			status := program.ProcessState.Sys().(syscall.WaitStatus)
			if hungUp := status.Signaled() && status.Signal() == syscall.SIGHUP; hungUp == survives {
				t.Errorf("ended with %v:\n%s", program.ProcessState, out)
			}
		})
	}
}

// whenOpened returns a function that returns once another process opens a file.
func whenOpened(t *testing.T, path string) (await func()) {
	t.Helper()
	watch, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(watch) })
	if _, err := syscall.InotifyAddWatch(watch, path, syscall.IN_OPEN); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if _, err := syscall.Read(watch, make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
	}
}

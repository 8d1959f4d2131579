package lab

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestProcessExitsWithItsInput(t *testing.T) {
	p, err := startProcess(t.TempDir(), "/bin/cat", "cat")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	if err := p.stop(); err != nil {
		t.Errorf("stopping it again: %v", err)
	}
}

func TestKillEndsAFrozenProcess(t *testing.T) {
	p, err := startProcess(t.TempDir(), "/bin/cat", "cat")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.freeze(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(p.kill(), p.kill()); err != nil {
		t.Error(err)
	}
}

func TestUntilReadyFailsWhenTheProcessExits(t *testing.T) {
	p, err := startProcess(t.TempDir(), "/bin/sh", "sh", "-c", "echo no such luck; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	err = p.untilReady(t.Context(), func(context.Context) error { return errors.New("not yet") })
	for _, want := range []string{"sh exited", "exit status 3", "no such luck", "not yet"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not contain %q", err, want)
		}
	}
}

func TestPollStopsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	err := poll(ctx, func(context.Context) error {
		if asked++; asked == 3 {
			cancel()
		}
		return errors.New("not yet")
	})
	if !errors.Is(err, context.Canceled) || asked < 3 {
		t.Errorf("asked %d times, got %v", asked, err)
	}
}

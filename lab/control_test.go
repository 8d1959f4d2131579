package lab

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A fakeLab records injected faults. It cannot heal vault_sealed.
type fakeLab struct{ injected []string }

func (f *fakeLab) States() []State { return States(f.injected...) }

func (f *fakeLab) Inject(_ context.Context, name string) error {
	if _, err := FindFault(name); err != nil {
		return err
	}
	f.injected = append(f.injected, name)
	return nil
}

func (f *fakeLab) Heal(context.Context) ([]string, error) {
	if slices.Contains(f.injected, "vault_sealed") {
		return nil, errors.New("healing vault_sealed: the key is lost")
	}
	healed := f.injected
	f.injected = nil
	return healed, nil
}

func TestControl(t *testing.T) {
	remote := serveControlOf(t, new(fakeLab))
	if err := remote.Inject(t.Context(), "role_missing"); err != nil {
		t.Fatal(err)
	}
	states, err := remote.Faults(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := States("role_missing"); !cmp.Equal(states, want) {
		t.Error(cmp.Diff(want, states))
	}
	if healed, err := remote.Heal(t.Context()); err != nil || !slices.Equal(healed, []string{"role_missing"}) {
		t.Errorf("healed %v, %v", healed, err)
	}
}

func TestControlReturnsErrors(t *testing.T) {
	remote := serveControlOf(t, new(fakeLab))
	err := remote.Inject(t.Context(), "nonsense")
	if !errors.Is(err, ErrUnknownFault) || !strings.Contains(err.Error(), `"nonsense": known faults are canary_entity_disabled,`) {
		t.Errorf("injecting nonsense gave %v", err)
	}
	if err := remote.Inject(t.Context(), "vault_sealed"); err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Heal(t.Context()); err == nil || err.Error() != "healing vault_sealed: the key is lost" {
		t.Errorf("healing gave %v", err)
	}
}

func TestControlReturnsTheEnvironmentOfAFault(t *testing.T) {
	remote := serveControlOf(t, new(fakeLab))
	state, err := remote.State(t.Context(), "reviewer_not_checked")
	if want := "EXPORTER_KUBERNETES_TOKEN_FILE=" + filepath.Join(remote.dir, nobodyFile); err != nil || !slices.Contains(state.Env, want) {
		t.Errorf("got %v, %v; want %s in it", state.Env, err, want)
	}
	if state, err := remote.State(t.Context(), "role_missing"); err != nil || len(state.Env) != 0 {
		t.Errorf("got %v, %v; want nothing", state.Env, err)
	}
	if _, err := remote.State(t.Context(), "nonsense"); !errors.Is(err, ErrUnknownFault) {
		t.Errorf("asking for nonsense gave %v", err)
	}
}

func TestIsRunning(t *testing.T) {
	dir := shortDir(t)
	if isRunning(dir) {
		t.Error("a lab without a socket counts as running")
	}
	l, err := net.Listen("unix", filepath.Join(dir, socketFile))
	if err != nil {
		t.Fatal(err)
	}
	if !isRunning(dir) {
		t.Error("a lab with a listening socket does not count as running")
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if isRunning(dir) {
		t.Error("a killed lab counts as running")
	}
}

func TestReplaceLink(t *testing.T) {
	link := filepath.Join(t.TempDir(), "not", "there", "current")
	for _, dir := range []string{"/gone", "/elsewhere"} {
		if err := replaceLink(link, dir); err != nil {
			t.Fatal(err)
		}
		if got, err := os.Readlink(link); err != nil || got != dir {
			t.Errorf("the link points to %s, %v; want %s", got, err, dir)
		}
	}
}

func TestCurrentLeavesANewerLabAlone(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte(moduleLine), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	running := shortDir(t)
	listener, err := net.Listen("unix", filepath.Join(running, socketFile))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var log strings.Builder
	older, err := MakeCurrent(running, &log)
	if err != nil || log.Len() > 0 {
		t.Fatalf("%v, log %q", err, &log)
	}
	if err := older.Move(running); err != nil {
		t.Fatal(err)
	}
	newer, err := MakeCurrent("/newer", &log)
	if err != nil || !strings.Contains(log.String(), "another lab of this checkout is running in "+running) {
		t.Errorf("%v, log %q", err, &log)
	}
	if err := errors.Join(older.Move("/older"), older.Close()); err != nil {
		t.Error(err)
	}
	if now, err := os.Readlink(currentLink(root)); err != nil || now != "/newer" {
		t.Errorf("the link points to %s, %v", now, err)
	}
	if err := newer.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(currentLink(root)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the link is still there: %v", err)
	}
}

// serveControlOf serves the control of i on a socket, and connects to it.
func serveControlOf(t *testing.T, i Injector) *Remote {
	t.Helper()
	dir := shortDir(t)
	control, err := ServeControl(dir, i)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { control.Close() })
	return connect(dir)
}

// shortDir is a temporary directory with a short path: the path of a socket below t.TempDir can be too long.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lab-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

package lab

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A fakeLab records injected faults. It cannot heal vault_sealed.
type fakeLab struct{ injected []string }

func (f *fakeLab) Injected() []string { return f.injected }

func (f *fakeLab) Inject(_ context.Context, name string) error {
	if _, err := findFault(name); err != nil {
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
	env, err := remote.Env(t.Context(), "reviewer_not_checked")
	if want := "EXPORTER_KUBERNETES_TOKEN_FILE=" + filepath.Join(remote.dir, nobodyFile); err != nil || !slices.Contains(env, want) {
		t.Errorf("got %v, %v; want %s in it", env, err, want)
	}
	if env, err := remote.Env(t.Context(), "role_missing"); err != nil || len(env) != 0 {
		t.Errorf("got %v, %v; want nothing", env, err)
	}
	if _, err := remote.Env(t.Context(), "nonsense"); !errors.Is(err, ErrUnknownFault) {
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

// serveControlOf serves the control of f on a socket, and connects to it.
func serveControlOf(t *testing.T, l faultInjector) *Remote {
	t.Helper()
	dir := shortDir(t)
	listener, err := net.Listen("unix", filepath.Join(dir, socketFile))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: controlHandler(l)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Close()
		<-served
	})
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

package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNotRunning is returned by Connect. Its text says how to start a lab.
var ErrNotRunning = errors.New("no lab is running in this checkout: start one with `make demo` or `make lab`")

// A Remote is a lab that runs in another process.
type Remote struct {
	*client
	dir string
}

// Connect returns the lab of this checkout that was started last.
func Connect() (*Remote, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	dir, err := filepath.EvalSymlinks(currentLink(root))
	if err != nil || !isRunning(dir) {
		return nil, ErrNotRunning
	}
	return connect(dir), nil
}

func connect(dir string) *Remote {
	c := newClient("http://lab", nil)
	c.http.Timeout = 2 * changeTimeout
	c.http.Transport = &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, socketFile))
		},
	}
	return &Remote{client: c, dir: dir}
}

// Faults returns all faults of the remote lab, sorted by name.
func (r *Remote) Faults(ctx context.Context) (all []State, err error) {
	err = r.get(ctx, "/faults", &all)
	return all, err
}

// Inject is [Lab.Inject] in the remote lab.
func (r *Remote) Inject(ctx context.Context, name string) error {
	err := r.post(ctx, "/faults/"+name, nil, nil)
	if answer, ok := errors.AsType[*statusError](err); ok {
		return answer.remoteError()
	}
	return err
}

// State returns the fault of this name. $LAB in its environment is replaced by the remote lab's directory.
func (r *Remote) State(ctx context.Context, name string) (State, error) {
	states, err := r.Faults(ctx)
	if err != nil {
		return State{}, err
	}
	for _, s := range states {
		if s.Name == name {
			s.Env = expand(s.Env, r.dir)
			return s, nil
		}
	}
	return State{}, fmt.Errorf("%w %q", ErrUnknownFault, name)
}

// Heal is [Lab.Heal] in the remote lab.
func (r *Remote) Heal(ctx context.Context) (healed []string, err error) {
	err = r.post(ctx, "/heal", nil, &healed)
	if answer, ok := errors.AsType[*statusError](err); ok {
		return nil, answer.remoteError()
	}
	return healed, err
}

// remoteError restores the error of the other process from its response.
func (e *statusError) remoteError() error {
	text := strings.TrimSpace(e.text)
	if e.status != http.StatusNotFound {
		return errors.New(text)
	}
	return fmt.Errorf("%w%s", ErrUnknownFault, strings.TrimPrefix(text, ErrUnknownFault.Error()))
}

// States returns all faults, with those of the given names marked as injected.
func States(injected ...string) []State {
	var all []State
	for _, f := range Faults() {
		all = append(all, State{
			Name: f.Name, Summary: f.Summary, Bare: f.Bare.String(), Full: f.Full.String(), Env: f.Env,
			Injected: slices.Contains(injected, f.Name),
		})
	}
	return all
}

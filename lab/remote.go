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

// ErrNotRunning says what to do about it.
var ErrNotRunning = errors.New("no lab is running in this checkout: start one with `make demo` or `make lab`")

// A Remote is a lab that another process runs.
type Remote struct {
	*client
	dir string
}

// Connect finds the newest running lab of this checkout.
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

// Faults are all faults of that lab, by name.
func (r *Remote) Faults(ctx context.Context) (all []State, err error) {
	err = r.get(ctx, "/faults", &all)
	return all, err
}

// Inject is [Lab.Inject] there.
func (r *Remote) Inject(ctx context.Context, name string) error {
	err := r.post(ctx, "/faults/"+name, nil, nil)
	if answer, ok := errors.AsType[*statusError](err); ok {
		return answer.remoteError()
	}
	return err
}

// Env is the environment of a fault there, as [Lab.Expand] gives it.
func (r *Remote) Env(ctx context.Context, name string) ([]string, error) {
	states, err := r.Faults(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range states {
		if s.Name == name {
			return expand(s.Env, r.dir), nil
		}
	}
	return nil, fmt.Errorf("%w %q", ErrUnknownFault, name)
}

// Heal is [Lab.Heal] there.
func (r *Remote) Heal(ctx context.Context) (healed []string, err error) {
	err = r.post(ctx, "/heal", nil, &healed)
	if answer, ok := errors.AsType[*statusError](err); ok {
		return nil, answer.remoteError()
	}
	return healed, err
}

// remote is the error as the other process had it.
func (e *statusError) remoteError() error {
	text := strings.TrimSpace(e.text)
	if e.status != http.StatusNotFound {
		return errors.New(text)
	}
	return fmt.Errorf("%w%s", ErrUnknownFault, strings.TrimPrefix(text, ErrUnknownFault.Error()))
}

// States is the table of faults as a lab sees it in which the given ones are injected.
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

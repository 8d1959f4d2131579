package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// changeTimeout bounds one Inject or Heal. The slowest faults start a cluster of Vault, 4 s, and wait 10 s until a standby
// reports that it has lost the leader; both take longer on a busy machine.
const changeTimeout = time.Minute

// ErrUnknownFault is wrapped by an error that lists the known names.
var ErrUnknownFault = errors.New("unknown fault")

// Inject injects a fault, in addition to those injected before. A fault whose injection failed half way counts as
// injected, so that Heal undoes it.
func (l *Lab) Inject(ctx context.Context, name string) error {
	fault, err := FindFault(name)
	if err != nil {
		return err
	}
	return l.inject(ctx, fault)
}

func (l *Lab) inject(ctx context.Context, f Fault) error {
	l.changeMu.Lock()
	defer l.changeMu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()

	if err := l.forgetForeignBindings(ctx); err != nil {
		return err
	}
	l.setInjected(append(slices.DeleteFunc(l.Injected(), named(f.Name)), f.Name))
	if err := f.Inject(ctx, l); err != nil {
		return fmt.Errorf("injecting %s: %w", f.Name, err)
	}
	return nil
}

// Heal undoes the injected faults, the latest first, and returns their names. One fault can keep another from being
// healed, as a sealed Vault does, so it retries as long as each round heals at least one.
func (l *Lab) Heal(ctx context.Context) ([]string, error) {
	l.changeMu.Lock()
	defer l.changeMu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()

	if err := l.forgetForeignBindings(ctx); err != nil {
		return nil, err
	}
	var healed []string
	for {
		before := len(healed)
		var errs []error
		for _, name := range slices.Backward(l.Injected()) {
			if err := l.heal(ctx, name); err != nil {
				errs = append(errs, err)
				continue
			}
			healed = append(healed, name)
		}
		if len(errs) == 0 || len(healed) == before {
			return healed, errors.Join(append(errs, l.untilHealthy(ctx, len(errs) == 0 && l.vault != nil))...)
		}
	}
}

// untilHealthy waits until the canary can log in and the API server accepts the reviewer: Vault may still use a closed
// connection, and the API server learns of changes from watches.
func (l *Lab) untilHealthy(ctx context.Context, expected bool) error {
	if !expected {
		return nil
	}
	err := poll(ctx, func(ctx context.Context) error {
		return errors.Join(l.vault.logIn(ctx, l.canary), l.cluster.authenticate(ctx, l.reviewer))
	})
	if err != nil {
		return fmt.Errorf("waiting for health: %w", err)
	}
	return nil
}

func (l *Lab) heal(ctx context.Context, name string) error {
	fault, err := FindFault(name)
	if err != nil {
		return err
	}
	if err := fault.Heal(ctx, l); err != nil {
		return fmt.Errorf("healing %s: %w", name, err)
	}
	l.setInjected(slices.DeleteFunc(l.Injected(), named(name)))
	return nil
}

// Injected returns the names of the injected faults, oldest first.
func (l *Lab) Injected() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.injected)
}

// States returns all faults and whether they are injected.
func (l *Lab) States() []State { return States(l.Injected()...) }

func (l *Lab) setInjected(names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.injected = names
}

// FindFault returns the fault of this name, or an error that wraps [ErrUnknownFault].
func FindFault(name string) (Fault, error) {
	faults := Faults()
	if i := slices.IndexFunc(faults, func(f Fault) bool { return f.Name == name }); i >= 0 {
		return faults[i], nil
	}
	var names []string
	for _, f := range faults {
		names = append(names, f.Name)
	}
	return Fault{}, fmt.Errorf("%w %q: known faults are %s", ErrUnknownFault, name, strings.Join(names, ", "))
}

func named(name string) func(string) bool {
	return func(other string) bool { return other == name }
}

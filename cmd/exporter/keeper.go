package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/statefile"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

const (
	// saveAfterChange is how soon after a change of a verdict the state is saved at the latest, and
	// the shortest time between two writes.
	saveAfterChange = 10 * time.Second
	// saveEvery is how often it is saved without a change, to know when a reason was last seen.
	saveEvery = time.Minute
)

// keeper keeps what this process knows in the state file, and what an earlier process knew until
// runs of this one have replaced it. Without a file it does nothing. Its methods are safe for
// concurrent use.
type keeper struct {
	file      statefile.File // empty without one
	write     func(statefile.State) error
	logger    *slog.Logger
	recorder  *metrics.Recorder
	incidents *incidents
	workloads *rehearse.Runner // nil if workloads are off
	changed   atomic.Bool      // since the state was saved
	failing   bool             // the last write failed; used by save alone
	saved     time.Time        // when it was written last; used by run and save alone

	mu       sync.Mutex                  // guards what follows
	read     bool                        // the file was read
	recalled map[string]statefile.Target // by name: those that this process has not probed
	keepOff  bool                        // the file is another's, and must not be written
}

func newKeeper(path string, logger *slog.Logger) *keeper {
	k := &keeper{logger: logger.With("file", path)}
	if path != "" {
		k.file = statefile.At(path)
		k.write = k.file.Write
	}
	return k
}

// recall reads the file, the first time that this process has targets, and so as late as possible:
// a standby gets what its leader wrote last, if they share the file.
func (k *keeper) recall(targets []evidence.Target) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.file == "" || k.read {
		return
	}
	k.read = true
	now := time.Now()
	state, err := k.file.Read(now)
	if err != nil {
		k.refuse(err)
		return
	}
	k.file.RemoveTemporaries()
	k.recalled = recalledOf(state, targets)
	known := func(target string) bool { _, same := k.recalled[target]; return same }
	k.logger.Info("State read", "saved", state.Saved.UTC().Format(time.RFC3339), "targets", len(k.recalled),
		"open_incidents", len(state.Incidents.Open), "past_incidents", len(state.Incidents.Past), "logins", len(state.Workloads))
	k.incidents.change(nil, func(t *incident.Tracker) []incident.Change { return t.Recall(state.Incidents, state.Saved, known, now) })
	if k.workloads != nil {
		k.workloads.Recall(state.Workloads)
	}
}

// recalledOf returns what the state knows of targets that are configured as they were.
func recalledOf(state statefile.State, targets []evidence.Target) map[string]statefile.Target {
	configured := map[string]string{}
	for _, t := range targets {
		configured[t.Name] = statefile.Configuration(t)
	}
	recalled := map[string]statefile.Target{}
	for _, t := range state.Targets {
		if configured[t.Name] == t.Configuration {
			recalled[t.Name] = t
		}
	}
	return recalled
}

// refuse says why the file is not used. It is called with the lock held.
func (k *keeper) refuse(err error) {
	unusable, ok := errors.AsType[*statefile.Unusable](err)
	if errors.Is(err, fs.ErrNotExist) || !ok {
		k.logger.Info("No state file yet, starting without history")
		return
	}
	aside, err := k.file.SetAside()
	if err != nil {
		k.keepOff = true
		k.logger.Error("The state cannot be used and stays as it is: nothing is remembered, and nothing is saved",
			"why", unusable.Why, "do", unusable.Do, "err", err)
		return
	}
	k.logger.Warn("The state cannot be used and was set aside: nothing is remembered of the time before", "why", unusable.Why, "do", unusable.Do, "aside", aside)
}

// memory returns the memory of a target's first run in this process.
func (k *keeper) memory(t evidence.Target) probe.Memory {
	k.mu.Lock()
	defer k.mu.Unlock()
	known, ok := k.recalled[t.Name]
	if !ok || known.Configuration != statefile.Configuration(t) {
		return probe.Memory{}
	}
	return known.Memory()
}

// observe takes note of a run.
func (k *keeper) observe(r probe.Result) {
	if k.file == "" {
		return
	}
	if r.Since.Equal(r.Start) {
		k.changed.Store(true)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.recalled, r.Target.Name)
}

// run saves the state until the context ends.
func (k *keeper) run(ctx context.Context) {
	if k.file == "" {
		return
	}
	ticker := time.NewTicker(saveAfterChange)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if k.changed.Swap(false) || now.Sub(k.saved) >= saveEvery {
				k.save()
			}
		}
	}
}

// save writes the file. Of several failures in a row the first is logged. Calls must not overlap. It
// holds no lock while it writes, so that a volume that does not respond stops no run.
func (k *keeper) save() {
	if k.file == "" || k.isKeptOff() {
		return
	}
	state := k.state()
	k.saved = state.Saved
	err := k.write(state)
	switch {
	case err != nil && !k.failing:
		k.logger.Error("Saving the state failed, what happens from now on is forgotten at a restart", "err", err,
			"do", "let the user that the exporter runs as create files in the directory, on a volume with room")
	case err == nil && k.failing:
		k.logger.Info("The state is saved again")
	}
	k.failing = err != nil
}

func (k *keeper) isKeptOff() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keepOff
}

// state returns what is saved.
func (k *keeper) state() statefile.State {
	state := statefile.State{Saved: time.Now(), Incidents: k.incidents.memory()}
	if k.workloads != nil {
		state.Workloads = k.workloads.Remember()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range k.recorder.TargetStates() {
		if t.Latest != nil {
			state.Targets = append(state.Targets, statefile.Target{Name: t.Target.Name, Configuration: statefile.Configuration(t.Target), Remembered: t.Latest.Remember()})
		} else if known, ok := k.recalled[t.Target.Name]; ok {
			state.Targets = append(state.Targets, known)
		}
	}
	return state
}

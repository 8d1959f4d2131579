package main

import (
	"context"
	"log/slog"

	"github.com/prometheus/common/version"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/discover"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

// newWorkloads returns what discovers the logins of this cluster's workloads and rehearses them.
func (e *exporter) newWorkloads(settings config.Config) *rehearse.Runner {
	reader := discover.InCluster(settings.Home, "vault-k8s-auth-exporter/"+version.Version)
	reader.Namespaces = settings.Workloads.Namespaces
	var states map[string]workload.SourceState
	runner := rehearse.NewRunner(rehearse.Options{
		Discover: func(ctx context.Context) workload.Inventory {
			found := reader.Read(ctx)
			if ctx.Err() == nil {
				states = logInventory(e.logger, found, states)
			}
			return found
		},
		Session:  func(t evidence.Target) (rehearse.Session, error) { return e.prober.Rehearser(t) },
		State:    e.recorder.TargetState,
		Interval: settings.Workloads.Interval, Every: settings.Workloads.Rehearsal,
		Changed: func(before, after rehearse.Result) {
			e.keeper.changed.Store(true)
			logWorkload(e.logger, before, after)
		},
	})
	e.recorder.Workloads(runner.Snapshot)
	return runner
}

// rehearsesAt returns whether this process rehearses the logins at a target. Those that no target
// watches are reported by the first shard.
func rehearsesAt(shard config.Shard) func(*evidence.Target) bool {
	return func(target *evidence.Target) bool {
		if target == nil {
			return shard.Index == 0
		}
		return len(assigned(shard, []evidence.Target{*target})) > 0
	}
}

// logInventory logs what could not be read, once until that changes. It returns the states of the
// sources.
func logInventory(logger *slog.Logger, found workload.Inventory, before map[string]workload.SourceState) map[string]workload.SourceState {
	logger.Debug("Workloads discovered", "logins", len(found.Entries))
	states := map[string]workload.SourceState{}
	for _, s := range found.Sources {
		states[s.Name] = s.State
		if complete := s.State == workload.SourceRead || s.State == workload.SourceNotInstalled; !complete && s.State != before[s.Name] {
			logger.Warn("Discovery of workloads is incomplete", "source", s.Name, "state", string(s.State), "err", s.Error)
		}
	}
	return states
}

// logWorkload logs a change of the verdict on a workload's login, as a warning if it is broken.
func logWorkload(logger *slog.Logger, before, after rehearse.Result) {
	level := slog.LevelInfo
	switch {
	case after.Verdict.State == diagnose.WorkloadBroken:
		level = slog.LevelWarn
	case before.Verdict.State == diagnose.WorkloadNotRehearsed:
		level = slog.LevelDebug // of thousands, at the first round
	}
	attributes := []any{
		"target", after.Target, "mount", after.Mount, "role", evidence.Clean(after.Role), "service_account", evidence.Clean(after.ServiceAccount.String()),
		"state", string(after.Verdict.State), "reason", string(after.Verdict.Reason), "detail", after.Verdict.Detail,
	}
	if len(after.Verdict.Fix) > 0 {
		attributes = append(attributes, "fix", loggedLines(after.Verdict.Fix))
	}
	logger.Log(context.Background(), level, "Workload login changed", attributes...)
}

package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/common/version"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/events"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/leader"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/schedule"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/maintenance"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

// exporter is what serve runs.
type exporter struct {
	logger    *slog.Logger
	recorder  *metrics.Recorder
	prober    *probe.Prober
	scheduler *schedule.Scheduler
	candidate *leader.Candidate // nil without leader election
	workloads *rehearse.Runner  // nil if workloads are off
	page      *status.Server
	site      site
	incidents *incidents
	keeper    *keeper
	events    *events.Writer // nil unless Kubernetes Events are written

	planned atomic.Pointer[map[string]maintenance.Windows] // the maintenance of targets, by name

	mu       sync.Mutex // guards what follows; held while targets are assigned
	settings config.Config
	probes   bool // false while this process is on standby
}

// serve probes on a schedule until the context ends. Then, in this order, the runs end
// and revoke their tokens, late logins are awaited to revoke theirs, the lease is
// released, and the listeners close.
func serve(ctx context.Context, f flags, settings config.Config, at site, signals <-chan os.Signal, logger *slog.Logger) int {
	signal.Ignore(syscall.SIGPIPE) // the exporter outlives the reader of its log
	saveMemory(f.debug != "")
	logger.Info("Starting", "version", version.Info(), "targets", len(settings.Targets))
	e, err := newExporter(settings, at, logger)
	if err != nil {
		logger.Error("Starting leader election failed", "err", err)
		return exitUsage
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var reloading sync.WaitGroup
	triggers := e.watchConfig(ctx, signals)
	reloading.Go(func() { e.reloadOn(ctx, triggers) })
	at.log(logger)
	servers := e.servers(f)
	failed := listen(servers, stop) // without its listeners the exporter is of no use

	lost := e.run(ctx)
	stop()
	reloading.Wait()
	for _, s := range servers {
		s.shutDown()
	}
	return e.exitCode(failed, lost)
}

func newExporter(settings config.Config, at site, logger *slog.Logger) (*exporter, error) {
	recorder := metrics.New(nil)
	e := &exporter{
		logger:    logger,
		recorder:  recorder,
		prober:    probe.NewProber(version.Version, recorder.CountToken),
		scheduler: schedule.New(),
		site:      at,
		probes:    !settings.LeaderElection.Enabled,
	}
	if settings.LeaderElection.Enabled {
		var err error
		if e.candidate, err = newCandidate(settings, recorder, logger); err != nil {
			return nil, err
		}
	}
	e.incidents = newIncidents(logger, e.site.links)
	if settings.Workloads.Enabled {
		e.workloads = e.newWorkloads(settings)
	}
	e.page = e.newPage()
	e.events = newEvents(settings, logger)
	e.incidents.page, e.incidents.events = e.page, e.events
	e.keeper = newKeeper(settings.StateFile, logger)
	e.keeper.recorder, e.keeper.incidents, e.keeper.workloads = recorder, e.incidents, e.workloads
	recorder.Shard(settings.Shard.Index, settings.Shard.Total)
	e.apply(settings)
	return e, nil
}

// run probes, with leader election while this process leads, until the context
// ends. The error says that another process leads.
func (e *exporter) run(ctx context.Context) error {
	if e.candidate == nil {
		e.probe(ctx)
		return nil
	}
	return e.candidate.Run(ctx, e.probe)
}

// probe probes until the context ends. It returns when every run has returned and no
// token is left to be revoked.
func (e *exporter) probe(ctx context.Context) {
	e.takeOver()
	var announcing sync.WaitGroup
	announcing.Go(func() { e.announceFirstRound(ctx) })
	var rehearsing sync.WaitGroup
	if e.workloads != nil {
		rehearsing.Go(func() { e.workloads.Run(ctx) })
	}
	var keeping, writing sync.WaitGroup
	keeping.Go(func() { e.keeper.run(ctx) })
	if e.events != nil {
		writing.Go(func() { e.events.Run(ctx) })
	}
	e.scheduler.Run(ctx)
	rehearsing.Wait()
	keeping.Wait()
	if e.candidate == nil || e.candidate.Leads() { // otherwise the new leader writes the file
		e.keeper.save()
	}
	e.prober.Wait()
	announcing.Wait()
	writing.Wait()
}

// exitCode logs why serve ends.
func (e *exporter) exitCode(failed <-chan error, lost error) int {
	select {
	case err := <-failed:
		e.logger.Error("A listener failed", "err", err)
		return exitUnhealthy
	default:
	}
	if lost != nil {
		return exitLost
	}
	e.logger.Info("Stopped")
	return exitOK
}

// takeOver makes this process the one that probes.
func (e *exporter) takeOver() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.probes {
		e.probes = true
		e.assign()
	}
}

// apply puts a configuration into use.
func (e *exporter) apply(settings config.Config) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range settings.Warnings() {
		e.logger.Warn(w.Text, "target", w.Target, "variable", w.Variable)
	}
	e.settings = settings
	e.planned.Store(&settings.Maintenance)
	e.recorder.SetMaintenance(settings.Maintenance)
	e.recorder.Configured(len(settings.Targets))
	e.recorder.Reloaded(settings.Hash())
	e.assign()
}

// maintenance returns that of a target at a time.
func (e *exporter) maintenance(target string, at time.Time) maintenance.Active {
	if planned := e.planned.Load(); planned != nil {
		return (*planned)[target].At(at)
	}
	return maintenance.Active{}
}

// assign gives this process's targets to the recorder and the scheduler. A standby has
// none. The scheduler comes last: the others drop results of targets that they do not know.
func (e *exporter) assign() {
	if !e.probes {
		return
	}
	targets := assigned(e.settings.Shard, e.settings.Targets)
	collectFor(len(targets))
	e.keeper.recall(targets)
	e.recorder.SetTargets(targets)
	e.incidents.setTargets(targets)
	e.scheduler.Set(e.jobs(targets), e.settings.InFlight())
	if e.workloads != nil {
		e.workloads.SetTargets(e.settings.Targets, rehearsesAt(e.settings.Shard))
	}
}

// ready returns an error until every target was probed once, or until this process knows
// that it is a standby. A standby is ready, else a rollout would never complete.
func (e *exporter) ready() error {
	if e.candidate != nil && !e.candidate.Leads() {
		if e.candidate.StandsBy() {
			return nil
		}
		return errors.New("the lease has not been read")
	}
	select {
	case <-e.scheduler.FirstRound():
		return nil
	default:
		return errors.New("the first round of probes has not completed")
	}
}

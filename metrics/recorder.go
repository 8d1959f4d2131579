package metrics

import (
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/collectors/version"
	dto "github.com/prometheus/client_model/go"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/maintenance"
)

// namespace is the prefix of every metric.
const namespace = "vault_k8s_auth"

// Recorder keeps the state of every target, as results come in, and serves it as
// metrics. It is safe for concurrent use.
type Recorder struct {
	registry     *prometheus.Registry // of all metrics but those of targets
	process      process
	scrapeErrors *prometheus.CounterVec

	mu      sync.RWMutex       // guards what follows
	targets map[string]*target // by name
	labels  *family            // target_labels
	planned map[string]maintenance.Windows
}

// New returns a Recorder for these targets, with a registry of its own. Its build_info
// shows the version of prometheus/common/version.
func New(targets []evidence.Target) *Recorder {
	r := &Recorder{
		registry:     prometheus.NewRegistry(),
		process:      newProcess(),
		scrapeErrors: newScrapeErrors(),
	}
	r.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		version.NewCollector(namespace+"_exporter"),
		reserved{},
		r.scrapeErrors,
	)
	r.process.register(r.registry)
	r.SetTargets(targets)
	r.Configured(len(targets))
	return r
}

// Registry returns the registry of all metrics but those of targets. The program may
// register further metrics.
func (r *Recorder) Registry() *prometheus.Registry { return r.registry }

// Gauges returns what the targets' last runs found, without counters and without the metrics
// of the process: what a process that ends can say of its only run.
func (r *Recorder) Gauges() ([]*dto.MetricFamily, error) {
	s, err := r.scrape()
	s.others = nil
	return slices.DeleteFunc(s.metricFamilies(), func(f *dto.MetricFamily) bool { return f.GetType() != dto.MetricType_GAUGE }), err
}

// SetTargets replaces the targets of this process, whose names are distinct and valid
// UTF-8. An unchanged target keeps all series, a changed one its counters, and a removed
// one none.
func (r *Recorder) SetTargets(targets []evidence.Target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := make(map[string]*target, len(targets))
	for _, t := range targets {
		next[t.Name] = r.stateFor(t)
	}
	r.targets, r.labels = next, targetLabels(targets)
	r.process.targets.WithLabelValues("assigned").Set(float64(len(next)))
}

// SetMaintenance replaces the maintenance of the targets that have any, by name.
func (r *Recorder) SetMaintenance(planned map[string]maintenance.Windows) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.planned = planned
}

func (r *Recorder) stateFor(t evidence.Target) *target {
	old, exists := r.targets[t.Name]
	switch {
	case !exists:
		return newTarget(probe.TargetState{Target: t}, newCounts(time.Now()))
	case !reflect.DeepEqual(old.Target, t):
		return newTarget(probe.TargetState{Target: t}, old.counts)
	}
	return old
}

// Record adds the result of a completed run, and keeps it: it must not change any more. It is
// ignored, and Record returns false, if the target was removed or changed during the run.
func (r *Recorder) Record(result *probe.Result) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := result.Target.Name
	t, ok := r.targets[name]
	if !ok || !reflect.DeepEqual(t.Target, result.Target) {
		return false
	}
	r.process.count(*result)
	r.targets[name] = newTarget(t.After(result), t.counts.after(*result))
	return true
}

// CountToken counts an event of a Vault token, during a run or after it.
func (r *Recorder) CountToken(target string, event evidence.TokenEvent) {
	r.count(target, func(c counts) counts { return c.afterToken(event) })
}

// Skipped counts a tick that was skipped, since the target's last run was still going.
func (r *Recorder) Skipped(target string) {
	r.count(target, func(c counts) counts { return c.plus(skipped) })
}

// Discarded counts a run whose result was discarded, since the process had been frozen
// or starved while it was going.
func (r *Recorder) Discarded(target string) {
	r.count(target, func(c counts) counts { return c.plus(discarded) })
}

// Abandoned counts a run that did not return in its longest time.
func (r *Recorder) Abandoned(target string) {
	r.count(target, func(c counts) counts { return c.plus(abandoned) })
}

// count does nothing if the target was removed.
func (r *Recorder) count(target string, next func(counts) counts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t, ok := r.targets[target]; ok {
		r.targets[target] = t.with(next(t.counts))
	}
}

// Begin counts a run as in progress until end is called.
func (r *Recorder) Begin() (end func()) {
	r.process.inFlight.Inc()
	return r.process.inFlight.Dec
}

// TargetStates returns the state of every target, in any order: that which the metrics
// show.
func (r *Recorder) TargetStates() []probe.TargetState {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var states []probe.TargetState
	for _, t := range r.targets {
		states = append(states, t.TargetState)
	}
	return states
}

// TargetState returns the state of one target; known is false if there is no such target.
func (r *Recorder) TargetState(target string) (state probe.TargetState, known bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	s, known := r.targets[target]
	if !known {
		return probe.TargetState{}, false
	}
	return s.TargetState, true
}

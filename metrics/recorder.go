package metrics

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// namespace begins every name.
const namespace = "vault_k8s_auth"

// Recorder takes results in, keeps what is known of every target, and gives metrics
// out. It is safe for concurrent use.
type Recorder struct {
	registry *prometheus.Registry
	process  process
	counters counters

	mu      sync.RWMutex      // guards all below; a counter of a target is touched only under it
	targets map[string]*state // by name; a state is replaced, never changed
	infos   []prometheus.Metric
}

// New returns a Recorder for these targets, with a registry of its own. The
// version that it shows is that of prometheus/common/version.
func New(targets []evidence.Target) *Recorder {
	r := &Recorder{
		registry: prometheus.NewRegistry(),
		process:  newProcess(),
		counters: newCounters(),
	}
	r.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		version.NewCollector(namespace+"_exporter"),
		collector{r.states},
		infoCollector{r.targetInfos},
	)
	r.process.register(r.registry)
	r.counters.register(r.registry)
	r.SetTargets(targets)
	r.Configured(len(targets))
	return r
}

// Registry returns the registry, to which the program may add what is not about
// targets.
func (r *Recorder) Registry() *prometheus.Registry { return r.registry }

// Handler serves the registry. Where one collector fails the others are still
// served, with status 200, and the failure is counted.
func (r *Recorder) Handler() http.Handler {
	return promhttp.HandlerFor(r.registry, promhttp.HandlerOpts{
		ErrorHandling:     promhttp.ContinueOnError,
		Registry:          r.registry,
		EnableOpenMetrics: false, // it would rewrite the values of le
	})
}

// SetTargets replaces the targets of this process. Names are distinct and valid UTF-8. A target
// that is unchanged keeps everything, one that changed keeps its counters, and one
// that is gone vanishes with all its series.
func (r *Recorder) SetTargets(targets []evidence.Target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := make(map[string]*state, len(targets))
	for _, t := range targets {
		next[t.Name] = r.stateFor(t)
	}
	for name := range r.targets {
		if _, kept := next[name]; !kept {
			r.counters.forget(name)
		}
	}
	r.targets, r.infos = next, infos(targets)
	r.process.targets.WithLabelValues("assigned").Set(float64(len(next)))
}

func (r *Recorder) stateFor(t evidence.Target) *state {
	s, known := r.targets[t.Name]
	if !known {
		r.counters.begin(t.Name)
	}
	if !known || !reflect.DeepEqual(s.known.Target, t) {
		return newState(probe.TargetState{Target: t})
	}
	return s
}

// Record takes the result of one completed run. A result of a target that was
// removed, or changed, while the run went on is dropped: it revives no series.
func (r *Recorder) Record(result probe.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := result.Target.Name
	s, ok := r.targets[name]
	if !ok || !reflect.DeepEqual(s.known.Target, result.Target) {
		return
	}
	r.process.count(result)
	r.counters.count(result)
	r.targets[name] = newState(s.known.After(result))
}

// Account counts what became of a Vault token. It may be called during a run and
// long after it.
func (r *Recorder) CountToken(target string, event evidence.TokenEvent) {
	r.ifConfigured(target, func() { r.counters.countToken(target, event) })
}

// Skipped counts a tick that found the target's last run still going.
func (r *Recorder) Skipped(target string) {
	r.ifConfigured(target, func() { r.counters.skipped.WithLabelValues(target).Inc() })
}

func (r *Recorder) ifConfigured(target string, count func()) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if _, ok := r.targets[target]; ok {
		count()
	}
}

// Begin counts a probe as in flight until end is called.
func (r *Recorder) Begin() (end func()) {
	r.process.inFlight.Inc()
	return r.process.inFlight.Dec
}

// TargetStates returns what is known of every target at this moment, in no order. It is
// what the metrics are made of.
func (r *Recorder) TargetStates() []probe.TargetState {
	states := r.states()
	known := make([]probe.TargetState, 0, len(states))
	for _, s := range states {
		known = append(known, s.known)
	}
	return known
}

func (r *Recorder) targetInfos() []prometheus.Metric {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.infos
}

// states returns what is known of every target at this moment.
func (r *Recorder) states() []*state {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Collect(maps.Values(r.targets))
}

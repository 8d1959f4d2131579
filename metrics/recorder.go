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
	dto "github.com/prometheus/client_model/go"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/response"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// namespace is the prefix of every metric.
const namespace = "vault_k8s_auth"

// Recorder keeps the state of every target, as results come in, and serves it as
// metrics. It is safe for concurrent use.
type Recorder struct {
	registry *prometheus.Registry
	process  process
	counters counters

	mu      sync.RWMutex               // guards what follows; held while a target's counters change
	targets map[string]*renderedTarget // by name; a state is replaced, never changed
	labels  []prometheus.Metric
}

// New returns a Recorder for these targets, with a registry of its own. Its build_info
// shows the version of prometheus/common/version.
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
		labelCollector{r.currentLabels},
	)
	r.process.register(r.registry)
	r.counters.register(r.registry)
	r.SetTargets(targets)
	r.Configured(len(targets))
	return r
}

// Registry returns the registry. The program may register further metrics.
func (r *Recorder) Registry() *prometheus.Registry { return r.registry }

// Handler serves the registry. If a collector fails, the others are still served with
// status 200, and the failure is counted. Scrapes are rendered one at a time.
func (r *Recorder) Handler() http.Handler {
	return response.NewRenderer().Handler(promhttp.HandlerFor(r.registry, promhttp.HandlerOpts{
		ErrorHandling:      promhttp.ContinueOnError,
		Registry:           r.registry,
		EnableOpenMetrics:  false, // it would change the values of the label le
		DisableCompression: true,  // the Renderer compresses
	}))
}

// Gauges returns what the targets' last runs found, without counters and without the metrics
// of the process: what a process that ends can say of its only run.
func (r *Recorder) Gauges() ([]*dto.MetricFamily, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{r.states}, labelCollector{r.currentLabels})
	families, err := registry.Gather()
	return slices.DeleteFunc(families, func(f *dto.MetricFamily) bool { return f.GetType() != dto.MetricType_GAUGE }), err
}

// SetTargets replaces the targets of this process, whose names are distinct and valid
// UTF-8. An unchanged target keeps all series, a changed one its counters, and a removed
// one none.
func (r *Recorder) SetTargets(targets []evidence.Target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := make(map[string]*renderedTarget, len(targets))
	for _, t := range targets {
		next[t.Name] = r.stateFor(t)
	}
	for name := range r.targets {
		if _, kept := next[name]; !kept {
			r.counters.remove(name)
		}
	}
	r.targets, r.labels = next, targetLabels(targets)
	r.process.targets.WithLabelValues("assigned").Set(float64(len(next)))
}

func (r *Recorder) stateFor(t evidence.Target) *renderedTarget {
	s, exists := r.targets[t.Name]
	if !exists {
		r.counters.initialize(t.Name)
	}
	if !exists || !reflect.DeepEqual(s.Target, t) {
		return render(probe.TargetState{Target: t})
	}
	return s
}

// Record adds the result of a completed run. It is ignored, and Record returns false, if the
// target was removed or changed during the run.
func (r *Recorder) Record(result probe.Result) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := result.Target.Name
	s, ok := r.targets[name]
	if !ok || !reflect.DeepEqual(s.Target, result.Target) {
		return false
	}
	r.process.count(result)
	r.counters.count(result)
	r.targets[name] = render(s.After(result))
	return true
}

// CountToken counts an event of a Vault token, during a run or after it.
func (r *Recorder) CountToken(target string, event evidence.TokenEvent) {
	r.ifConfigured(target, func() { r.counters.countToken(target, event) })
}

// Skipped counts a tick that was skipped, since the target's last run was still going.
func (r *Recorder) Skipped(target string) {
	r.ifConfigured(target, func() { r.counters.skipped.WithLabelValues(target).Inc() })
}

// Discarded counts a run whose result was discarded, since the process had been frozen
// or starved while it was going.
func (r *Recorder) Discarded(target string) {
	r.ifConfigured(target, func() { r.counters.discarded.WithLabelValues(target).Inc() })
}

// Abandoned counts a run that did not return in its longest time.
func (r *Recorder) Abandoned(target string) {
	r.ifConfigured(target, func() { r.counters.abandoned.WithLabelValues(target).Inc() })
}

func (r *Recorder) ifConfigured(target string, count func()) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if _, ok := r.targets[target]; ok {
		count()
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
	var states []probe.TargetState
	for _, s := range r.states() {
		states = append(states, s.TargetState)
	}
	return states
}

func (r *Recorder) currentLabels() []prometheus.Metric {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.labels
}

func (r *Recorder) states() []*renderedTarget {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Collect(maps.Values(r.targets))
}

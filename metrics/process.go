package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// process holds the metrics of the exporter itself, which have no target.
type process struct {
	verdicts *prometheus.CounterVec
	duration prometheus.Histogram
	inFlight prometheus.Gauge
	targets  *prometheus.GaugeVec

	configHash, reloadOK, reloaded prometheus.Gauge
	shard                          *prometheus.GaugeVec
}

func newProcess() process {
	p := process{
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "exporter_verdicts_total",
			Help: "Verdicts of all targets by reason, none if pods can log in; counted when a scheduled run completes.",
		}, []string{"reason"}),
		duration: newDuration(),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "exporter_probes_in_flight",
			Help: "Scheduled runs that are in progress now.",
		}),
		targets: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Name: "exporter_targets",
			Help: "Targets by state: configured, and assigned to this process, that is probed by it.",
		}, []string{"state"}),
		configHash: processGauge("exporter_config_hash",
			"Hash of the configuration: the same in all processes with the same configuration."),
		reloadOK: processGauge("exporter_config_last_reload_successful",
			"Whether the last reload of the configuration succeeded: 1 it did, 0 it was invalid and an older one stays in use."),
		reloaded: processGauge("exporter_config_last_reload_success_timestamp_seconds",
			"When the configuration was last loaded successfully, as a Unix time in seconds."),
		shard: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Name: "exporter_shard_info",
			Help: "Always 1: the shard of this process, and the number of shards.",
		}, []string{"shard", "total"}),
	}
	p.verdicts.WithLabelValues(string(diagnose.None))
	for _, reason := range diagnose.Reasons() {
		p.verdicts.WithLabelValues(string(reason))
	}
	return p
}

// newDuration returns a histogram with classic and native buckets: the text format
// would show only the +Inf bucket of a native one.
func newDuration() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "exporter_probe_duration_seconds",
		Help:                            "How long a scheduled run of any target took, in seconds.",
		Buckets:                         []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  160,
		NativeHistogramMinResetDuration: time.Hour,
	})
}

func (p *process) register(registry *prometheus.Registry) {
	registry.MustRegister(p.verdicts, p.duration, p.inFlight, p.targets, p.configHash, p.reloadOK, p.reloaded, p.shard)
}

func processGauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
}

func (p *process) count(r probe.Result) {
	p.verdicts.WithLabelValues(string(r.Diagnosis.Reason)).Inc()
	p.duration.Observe(r.Duration.Seconds())
}

// Configured sets how many targets are configured, for this process and all others.
func (r *Recorder) Configured(targets int) {
	r.process.targets.WithLabelValues("configured").Set(float64(targets))
}

// Reloaded records that a configuration with this hash was loaded now.
func (r *Recorder) Reloaded(hash uint64) {
	r.process.configHash.Set(float64(hash))
	r.process.reloadOK.Set(1)
	r.process.reloaded.Set(unix(time.Now()))
}

// ReloadFailed records that the last reload failed and an older configuration is in use.
func (r *Recorder) ReloadFailed() { r.process.reloadOK.Set(0) }

// Shard sets which of all shards this process is.
func (r *Recorder) Shard(index, total int) {
	r.process.shard.WithLabelValues(strconv.Itoa(index), strconv.Itoa(total)).Set(1)
}

// Lease adds the metrics of leader election. held reports whether this process holds
// the lease, and is called at every scrape; failed counts a failed attempt to acquire or
// renew it. Lease may be called once.
func (r *Recorder) Lease(name string, held func() bool) (failed func()) {
	label := prometheus.Labels{"lease": name}
	failures := prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: namespace, Name: "exporter_lease_renew_failures_total", ConstLabels: label,
		Help: "Attempts to acquire or renew the lease that failed; finding it held by another process is not a failure.",
	})
	r.registry.MustRegister(failures, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "exporter_leader", ConstLabels: label,
		Help: "Whether this process holds the lease and probes: 1 it does, 0 it is on standby. Absent without leader election.",
	}, func() float64 { return oneIf(held()) }))
	return failures.Inc
}

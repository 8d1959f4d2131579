package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
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
	p.verdicts.WithLabelValues(string(probe.None))
	for _, reason := range probe.Reasons() {
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

package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// process holds the metrics of the exporter as a whole, which have no target.
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
			Help: "Verdicts of all targets by reason, none where pods can log in; counted when a scheduled run completes.",
		}, []string{"reason"}),
		duration: newDuration(),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "exporter_probes_in_flight",
			Help: "Scheduled probes that are running now.",
		}),
		targets: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Name: "exporter_targets",
			Help: "Targets by state: configured, and assigned to this process, which probes them.",
		}, []string{"state"}),
		configHash: processGauge("exporter_config_hash",
			"A number that is the same in all processes that have the same configuration."),
		reloadOK: processGauge("exporter_config_last_reload_successful",
			"1: the configuration in force is what was read last. 0: what was read last was refused, and an older one is in force."),
		reloaded: processGauge("exporter_config_last_reload_success_timestamp_seconds",
			"When the configuration was last read and found good, as a Unix time in seconds."),
		shard: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Name: "exporter_shard_info",
			Help: "Always 1: which shard of how many this process is.",
		}, []string{"shard", "total"}),
	}
	p.verdicts.WithLabelValues(string(diagnose.None))
	for _, reason := range diagnose.Reasons() {
		p.verdicts.WithLabelValues(string(reason))
	}
	return p
}

// newDuration is a histogram in both forms: with native buckets alone, scrapers of
// the text format would see nothing but +Inf.
func newDuration() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace, Name: "exporter_probe_duration_seconds",
		Help:                            "How long a scheduled probe of any target took from begin to end, in seconds.",
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

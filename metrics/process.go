package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vault-k8s-auth-exporter/probe"
)

// process holds the metrics of the exporter as a whole, which have no target.
type process struct {
	verdicts *prometheus.CounterVec
	duration prometheus.Histogram
	inFlight prometheus.Gauge
	targets  *prometheus.GaugeVec
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
			Help: "Targets by state: configured, and assigned to this process.",
		}, []string{"state"}),
	}
	p.verdicts.WithLabelValues(string(probe.None))
	for _, reason := range probe.Reasons() {
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
	registry.MustRegister(p.verdicts, p.duration, p.inFlight, p.targets)
}

func (p *process) count(r probe.Result) {
	p.verdicts.WithLabelValues(string(r.Diagnosis.Reason)).Inc()
	p.duration.Observe(r.Duration.Seconds())
}

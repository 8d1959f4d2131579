package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
)

// sample is one line of the exposition.
type sample struct {
	metric prometheus.Metric
	// dropWhenStale is set if the sample says that all is well, which an old result
	// no longer shows.
	dropWhenStale bool
}

// renderedTarget is the state of one target and the samples made from it. They are
// rendered once per run; scrapes are more frequent. It is immutable.
type renderedTarget struct {
	probe.TargetState
	samples []sample
}

func render(t probe.TargetState) *renderedTarget { return &renderedTarget{t, samplesOf(t)} }

// samplesOf returns the samples of a target, and of its latest result if there is one.
func samplesOf(t probe.TargetState) []sample {
	var samples []sample
	for _, m := range targetMetrics {
		m.collect(t, func(value float64, labels ...string) {
			samples = append(samples, sample{newMetric(m.desc, value, t.Target.Name, labels), false})
		})
	}
	if t.Latest == nil {
		return samples
	}
	for _, m := range resultMetrics {
		m.collect(t.Latest, func(value float64, dropWhenStale bool, labels ...string) {
			samples = append(samples, sample{newMetric(m.desc, value, t.Target.Name, labels), dropWhenStale})
		})
	}
	return samples
}

// newMetric returns a gauge. If its labels are invalid it is one that fails when it is
// gathered, and the others are still served.
func newMetric(desc *prometheus.Desc, value float64, target string, labels []string) prometheus.Metric {
	m, err := prometheus.NewConstMetric(desc, prometheus.GaugeValue, value, append([]string{target}, labels...)...)
	if err != nil {
		return prometheus.NewInvalidMetric(desc, err)
	}
	return m
}

// cached ends the HELP of all metrics that come from a run.
const cached = " Cached from the target's schedule, not measured by the scrape."

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, append([]string{"target"}, labels...), nil)
}

func oneIf(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

// unix returns a Unix time in seconds with its fraction. Unlike UnixNano it holds for
// any year.
func unix(t time.Time) float64 {
	return float64(t.Unix()) + float64(t.Nanosecond())/1e9
}

package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
)

// sample is one line of the exposition.
type sample struct {
	metric prometheus.Metric
	// fades is set for good news, which is withheld once it is stale.
	fades bool
}

// samplesOf renders a target, with its latest run if there was one.
func samplesOf(k probe.TargetState) []sample {
	var samples []sample
	for _, m := range lastings {
		m.of(k, func(value float64, labels ...string) {
			samples = append(samples, sample{newMetric(m.desc, value, k.Target.Name, labels), false})
		})
	}
	if k.Latest == nil {
		return samples
	}
	for _, m := range judgements {
		m.of(k.Latest, func(value float64, good bool, labels ...string) {
			samples = append(samples, sample{newMetric(m.desc, value, k.Target.Name, labels), good})
		})
	}
	return samples
}

// newMetric returns a metric that fails the scrape of itself alone where its
// labels cannot be served.
func newMetric(desc *prometheus.Desc, value float64, target string, labels []string) prometheus.Metric {
	m, err := prometheus.NewConstMetric(desc, prometheus.GaugeValue, value, append([]string{target}, labels...)...)
	if err != nil {
		return prometheus.NewInvalidMetric(desc, err)
	}
	return m
}

// cached ends the HELP of what a run saw.
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

// unix keeps the fraction of a second, and holds for any year.
func unix(t time.Time) float64 {
	return float64(t.Unix()) + float64(t.Nanosecond())/1e9
}

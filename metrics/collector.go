package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector makes samples of what is known at the time of the scrape.
type collector struct{ states func() []*state }

func (c collector) Describe(descs chan<- *prometheus.Desc) {
	for _, m := range lastings {
		descs <- m.desc
	}
	for _, m := range judgements {
		descs <- m.desc
	}
}

func (c collector) Collect(samples chan<- prometheus.Metric) {
	now := time.Now()
	for _, s := range c.states() {
		s.sayLasting(samples)
		if s.last != nil {
			s.sayJudgements(samples, s.stale(now))
		}
	}
}

func (s *state) sayLasting(samples chan<- prometheus.Metric) {
	for _, m := range lastings {
		m.of(s, func(value float64, labels ...string) {
			samples <- s.sample(m.desc, value, labels)
		})
	}
}

func (s *state) sayJudgements(samples chan<- prometheus.Metric, stale bool) {
	for _, m := range judgements {
		m.of(s.last, func(value float64, good bool, labels ...string) {
			if good && stale {
				return
			}
			samples <- s.sample(m.desc, value, labels)
		})
	}
}

// sample is a metric of the target. A label that cannot be served fails this
// sample alone.
func (s *state) sample(desc *prometheus.Desc, value float64, labels []string) prometheus.Metric {
	m, err := prometheus.NewConstMetric(desc, prometheus.GaugeValue, value, append([]string{s.target.Name}, labels...)...)
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

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
		stale := s.known.Stale(now)
		for _, one := range s.samples {
			if !stale || !one.fades {
				samples <- one.metric
			}
		}
	}
}

package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector serves the samples of all targets, less those that are stale at the time of
// the scrape.
type collector struct{ states func() []*renderedTarget }

func (c collector) Describe(descs chan<- *prometheus.Desc) {
	for _, m := range targetMetrics {
		descs <- m.desc
	}
	for _, m := range resultMetrics {
		descs <- m.desc
	}
}

func (c collector) Collect(metrics chan<- prometheus.Metric) {
	now := time.Now()
	for _, s := range c.states() {
		stale := s.Stale(now)
		for _, one := range s.samples {
			if !stale || !one.dropWhenStale {
				metrics <- one.metric
			}
		}
	}
}

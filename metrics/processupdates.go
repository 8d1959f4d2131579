package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

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

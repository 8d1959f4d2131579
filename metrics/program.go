package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Configured shows how many targets are configured, in this process and in others.
func (r *Recorder) Configured(targets int) {
	r.process.targets.WithLabelValues("configured").Set(float64(targets))
}

// Reloaded shows that a configuration was read and is in force from now on. Its hash
// shows whether other processes have the same.
func (r *Recorder) Reloaded(hash uint64) {
	r.process.configHash.Set(float64(hash))
	r.process.reloadOK.Set(1)
	r.process.reloaded.Set(unix(time.Now()))
}

// ReloadRefused shows that what was read last is not in force.
func (r *Recorder) ReloadRefused() { r.process.reloadOK.Set(0) }

// Shard shows which of all shards this process is.
func (r *Recorder) Shard(index, total int) {
	r.process.shard.WithLabelValues(strconv.Itoa(index), strconv.Itoa(total)).Set(1)
}

// Lease shows whether this process holds a lease, which held is asked at every
// scrape. It may be called once. failed counts an attempt to take or renew the
// lease that failed.
func (r *Recorder) Lease(name string, held func() bool) (failed func()) {
	label := prometheus.Labels{"lease": name}
	failures := prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: namespace, Name: "exporter_lease_renew_failures_total", ConstLabels: label,
		Help: "Attempts to take or to renew the lease that failed; one that found it held by another did not.",
	})
	r.registry.MustRegister(failures, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "exporter_leader", ConstLabels: label,
		Help: "1: this process holds the lease, and probes. 0: it stands by. Absent without leader election.",
	}, func() float64 { return oneIf(held()) }))
	return failures.Inc
}

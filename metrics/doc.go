// Package metrics shows what probes found to Prometheus.
//
// A [Recorder] keeps the latest [probe.Result] of every target and turns it into
// samples when it is scraped, so that a removed target vanishes and a healthy
// value that has grown old is withheld. It judges nothing: what a failure means
// stands in the Result. Counters go up as results come in.
//
// The exporter probes on a schedule of its own, not when it is scraped: a login
// writes storage, an audit line and a lease in Vault, and a second Prometheus
// would double them. docs/metrics.md is the reference of every metric.
package metrics

// Package metrics exposes the results of probes as Prometheus metrics.
//
// A [Recorder] keeps the state of every target, and renders its samples once per result.
// When it is scraped it leaves out samples that say all is well and are stale. It makes
// no judgement: what a failure means is in the [probe.Result].
//
// Targets are probed on a schedule, not when metrics are scraped: a login writes storage,
// an audit line and a lease in Vault, and a second Prometheus would double them.
// docs/metrics.md is the reference of every metric.
package metrics

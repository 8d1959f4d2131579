// Package metrics exposes the results of probes as Prometheus metrics.
//
// A [Recorder] keeps the state of every target. It makes no judgement: what a failure means
// is in the [probe.Result]. The gauges of a target are rendered in the text format once per
// run, since a run changes one target and a scrape reads them all. A scrape joins these
// texts family by family with the counters, whose numbers it writes anew, and with what the
// registry has: the metrics of the process and those that the program registers. It leaves
// out gauges that say all is well and are stale. In other formats, and for the tests, the
// same samples are client_golang's messages, made at the scrape. TestScrapeEqualsARegistry
// compares both with what a registry would serve.
//
// Targets are probed on a schedule, not when metrics are scraped: a login writes storage,
// an audit line and a lease in Vault, and a second Prometheus would double them.
// docs/metrics.md is the reference of every metric.
package metrics

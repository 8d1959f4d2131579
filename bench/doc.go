// Package bench measures what a probe costs: the exporter's CPU time and memory, compared to a
// program that makes the same requests with net/http alone. It has benchmarks only. Their servers
// run in a process of their own, so that the measured CPU time is the client's.
package bench

// Package bench measures what a probe costs: the exporter's CPU and memory beside a
// bare net/http program that makes the same requests. It has benchmarks only; their
// servers run in a process of their own, so that the client's CPU is the client's.
package bench

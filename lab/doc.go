// Package lab starts a real Kubernetes API server and a real Vault on loopback, configures the Kubernetes auth method
// between them, and injects faults on request. It needs only Go: it compiles the servers from their published modules.
//
//	exporter ──▶ proxy ──▶ Vault ──┐
//	exporter ─────────────────────┴▶ proxy ──▶ kube-apiserver + etcd
//
// [Simulated] is a process of fakes, which the demo shows in place of a lab that has not been compiled.
//
// Some faults replace that Vault, while they are injected, by a cluster of three nodes that store in raft.
//
// A lab keeps its files in one temporary directory, and its processes exit with the process that started it. It is for
// tests and demos: the exporter never imports it.
package lab

// Package lab starts a real Kubernetes API server and a real Vault on loopback, joined by the Kubernetes auth method, and
// breaks them on demand. It needs Go and nothing else: the servers are compiled from their published modules.
//
//	exporter ──▶ proxy ──▶ Vault ──┐
//	exporter ─────────────────────┴▶ proxy ──▶ kube-apiserver + etcd
//
// Everything a lab makes lies in one directory of its own and in processes that end with it. It is a test bed: the exporter
// never imports it.
package lab

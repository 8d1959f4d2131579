// Package e2e tests the exporter's binary against the lab: a real Kubernetes API server and a real
// Vault, with faults injected.
package e2e

// Package e2e runs the real exporter against the lab: a real Kubernetes API server
// and a real Vault, broken on purpose. It has tests only.
package e2e

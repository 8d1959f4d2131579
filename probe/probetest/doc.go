// Package probetest contains fakes of Kubernetes and Vault that serve HTTP, and the table of
// scenarios: what is broken, and the verdict that the exporter must reach.
//
// The fakes respond with the exact texts of the real servers, and can misbehave below the
// level of HTTP. They are fast. Scenarios that have a twin among the lab's faults are also
// tested with the real servers.
package probetest

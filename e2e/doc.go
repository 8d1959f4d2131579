// Package e2e holds the real exporter against a real Kubernetes API server and a
// real Vault: the binary as it is shipped, as a child process, seen from outside
// through its exit codes, its output and its HTTP endpoints.
//
// It has tests and nothing else. They compile and start servers, so with -short
// the package is left out.
package e2e

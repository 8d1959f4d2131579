// Package setup works out what an installation needs and prints it: the policy and the
// roles in Vault, the exporter's account and permissions in Kubernetes, and the values of
// the chart.
//
// [Read] asks the servers, [Decide] is a pure function of what was given and read, and
// each format renders the resulting [Plan]. Nothing is changed anywhere, and no credential
// is part of [Reads] or [Plan].
package setup

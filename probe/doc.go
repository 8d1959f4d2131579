// Package probe checks one Vault Kubernetes auth mount from one cluster. It reports
// whether pods can log in there and, if they cannot, the one cause.
//
// Data flows in one direction. An [evidence.Target] says what to check.
// [gather.Gatherer] collects [evidence.Evidence] from Kubernetes and Vault
// concurrently, each fact independently of the others. [diagnose.Diagnose], a pure
// function, turns it into a diagnosis. The [Result] carries all three to the metrics,
// the log, the page and the command check.
//
// Package gather talks to servers and cannot name a reason; package diagnose names
// reasons and cannot talk to a server. Neither imports the other.
package probe

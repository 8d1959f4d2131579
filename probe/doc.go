// Package probe looks at one Vault Kubernetes auth mount from one cluster and
// says whether pods can log in there, and if they cannot, which one thing is
// broken.
//
// The data flows one way. A [Target] says where to look. [Prober.Probe] gathers
// [Evidence] from both ends, Kubernetes and Vault, concurrently and each fact on
// its own. [Diagnose], a pure function, judges it. The [Result] carries all three
// to every view: metrics, log, report, page.
//
// Files that talk to a server (kubernetes.go, vault.go, transport.go, token.go)
// report facts and know no reason. Files that judge (diagnose.go, rules_*.go,
// texts.go, warnings.go) see facts and talk to nobody.
package probe

// Package probetest has wire-level fakes of Kubernetes and Vault, and the table of
// scenarios: what is broken, and the reason that must be given for it.
//
// The fakes answer in the very words of the real servers, as docs and the lab's
// tests hold them, and can misbehave below HTTP. They are for speed: what is
// asserted on them is asserted on the real servers in the lab too.
package probetest

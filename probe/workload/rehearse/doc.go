// Package rehearse finds out whether workloads will be able to log in, before their pods restart. A
// rehearsal of a login are two logins with forged JWTs that claim to be the workload: Vault checks
// the role, the issuer, the audience and the service account before it has the JWT reviewed, and
// then rejects it. No rehearsal can issue a token.
//
// Asking is package gather's, judging package diagnose's. This package decides which target a login
// belongs to, and when it is rehearsed.
package rehearse

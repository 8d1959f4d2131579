package probe

import (
	"regexp"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// TargetState is what is known of one target: its latest run, and what earlier runs left
// that no later one took back. It is an immutable value, and every view of a target
// is made from it.
type TargetState struct {
	Target evidence.Target
	// Latest is the latest completed run, nil before the first.
	Latest *Result
	// LastSuccess is when the latest run after which pods could log in began.
	LastSuccess time.Time
	// LastFailure is the latest unhealthy run, zero before the first.
	LastFailure Run
	History     History

	// ReviewerToken, CanaryToken and VaultToken are as they were last seen. Of tokens
	// that the exporter mints nothing is kept: they are its own affair.
	ReviewerToken, CanaryToken, VaultToken Validity
	// KubernetesCertificate and VaultCertificate are as they were last verified, MountCA
	// as it was last read.
	KubernetesCertificate, VaultCertificate, MountCA Validity
	// VaultVersion is the version that Vault last named, empty where it is none.
	VaultVersion string
}

// Validity is that of a token or certificate. Either end is zero where it is not known,
// or where there is none.
type Validity struct{ Begin, End time.Time }

// staleAfter is the age, in intervals, beyond which good news is no longer told.
const staleAfter = 3

// Stale reports whether the latest run is too old to vouch for health, or there is
// none. A run is as old as its begin. Bad news is told until a newer run replaces it.
func (k TargetState) Stale(now time.Time) bool {
	return k.Latest == nil || now.Sub(k.Latest.Start) > staleAfter*k.Target.Interval
}

// After returns what is known after one more run. The schedule never overlaps the
// runs of a target; should they arrive out of order all the same, the latest stays.
func (k TargetState) After(r Result) TargetState {
	if k.Latest != nil && r.Start.Before(k.Latest.Start) {
		return k
	}
	k.Latest = &r
	run := r.Run()
	if run.Healthy() {
		k.LastSuccess = r.Start
	} else {
		k.LastFailure = run
	}
	k.History = k.History.with(run)
	k.learn(r)
	return k
}

// learn takes over what the run got to know. What it did not get to know stays as
// it was: a Vault that is down still has the certificate that it had.
func (k *TargetState) learn(r Result) {
	e := r.Evidence
	if e.ReviewerToken.Ok() && r.Target.Reviewer.Source.Spec().External {
		k.ReviewerToken = validityOf(e.ReviewerToken.Value)
	}
	if e.CanaryToken.Ok() && r.Target.Canary.Source.Spec().External {
		k.CanaryToken = validityOf(e.CanaryToken.Value)
	}
	if e.Login.Ok() {
		k.VaultToken = Validity{Begin: r.Start}
		if ttl := e.Login.Value.TTL; ttl > 0 {
			k.VaultToken.End = r.Start.Add(ttl)
		}
	}
	if c := e.KubernetesCertificate; c.Verified {
		k.KubernetesCertificate = Validity{c.NotBefore, c.NotAfter}
	}
	if c := e.VaultCertificate; c.Verified {
		k.VaultCertificate = Validity{c.NotBefore, c.NotAfter}
	}
	if c := e.MountCA.Value.Certificate; !c.NotAfter.IsZero() {
		k.MountCA = Validity{c.NotBefore, c.NotAfter}
	}
	if v := e.Health.Value.Version; e.Health.Ok() && versionLike.MatchString(v) {
		k.VaultVersion = v
	}
}

// versionLike is what a server's version must look like to be kept. The server
// chooses the text, and could echo what it was sent.
var versionLike = regexp.MustCompile(`^v?[0-9][0-9A-Za-z.+-]{0,47}$`)

func validityOf(c evidence.Claims) Validity { return Validity{c.Issued(), c.Expires} }

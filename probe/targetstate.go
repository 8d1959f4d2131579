package probe

import (
	"regexp"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// TargetState is what is known about one target: its latest run, and the facts from
// earlier runs that no later run has replaced. It is an immutable value; metrics and page
// are made from it.
type TargetState struct {
	Target evidence.Target
	// Latest is the latest completed run, nil before the first.
	Latest *Result
	// LastSuccess is when the latest healthy run began, zero before the first.
	LastSuccess time.Time
	// LastFailure is the latest unhealthy run, zero before the first.
	LastFailure Run
	History     History

	// ReviewerToken, CanaryToken and VaultToken are as last seen. Tokens that the exporter
	// mints are not recorded: it renews them itself.
	ReviewerToken, CanaryToken, VaultToken Validity
	// KubernetesCertificate and VaultCertificate are as last verified, MountCA is as last
	// read.
	KubernetesCertificate, VaultCertificate, MountCA Validity
	// ClientCertificate is the exporter's own for Vault, as last read.
	ClientCertificate Validity
	// VaultVersion is the last version that Vault reported, empty if none is valid.
	VaultVersion string
}

// Validity is the validity period of a token or certificate. Begin or End is zero if it
// is not known, or if there is none.
type Validity struct{ Begin, End time.Time }

// staleAfter is the age, in intervals, beyond which a healthy result is no longer reported.
const staleAfter = 3

// Stale reports whether there is no run, or the latest one began too long ago to be
// reported as healthy. An unhealthy result is reported until a newer run replaces it.
func (k TargetState) Stale(now time.Time) bool {
	return k.Latest == nil || now.Sub(k.Latest.Start) > staleAfter*k.Target.Interval
}

// After returns the state after the run r, which it keeps: r must not change any more. The
// scheduler never overlaps runs of one target; if results arrive out of order anyway, the older one is ignored.
func (k TargetState) After(r *Result) TargetState {
	if k.Latest != nil && r.Start.Before(k.Latest.Start) {
		return k
	}
	k.Latest = r
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

// learn records the facts of the run. A fact that the run could not obtain keeps its
// previous value: a Vault that is down still has the certificate that it had.
func (k *TargetState) learn(r *Result) {
	e := &r.Evidence
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
	if c := e.ClientCertificate; !c.NotAfter.IsZero() {
		k.ClientCertificate = Validity{c.NotBefore, c.NotAfter}
	}
	if v := e.Health.Value.Version; e.Health.Ok() && versionLike.MatchString(v) {
		k.VaultVersion = v
	}
}

// versionLike is the format of a version that is kept. The server chooses the text and
// could echo a credential that it was sent.
var versionLike = regexp.MustCompile(`^v?[0-9][0-9A-Za-z.+-]{0,47}$`)

func validityOf(c evidence.Claims) Validity { return Validity{c.Issued(), c.Expires} }

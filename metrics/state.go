package metrics

import (
	"regexp"
	"time"

	"vault-k8s-auth-exporter/probe"
)

// state is what is known of one target: its latest run, and what earlier runs
// left that no later one took back. It is immutable.
type state struct {
	target probe.Target

	// lastProbe is when the latest run began, zero before the first.
	lastProbe, lastSuccess time.Time
	lastFailure            failure

	reviewer, canary, vault span // tokens
	kubernetesCertificate   span
	vaultCertificate        span
	mountCA                 span
	vaultVersion            string

	// samples is all of that as it is served, with the judgements of the latest run.
	samples []sample
}

// failure is an unhealthy verdict.
type failure struct {
	at     time.Time
	reason probe.Reason
	party  probe.Party
}

// span is the life of a token or certificate. Either end is zero where it is not
// known, or where there is none.
type span struct{ begin, end time.Time }

func newState(t probe.Target) *state {
	s := &state{target: t}
	s.samples = samplesOf(s, nil)
	return s
}

// staleAfter is the age, in intervals, beyond which good news is no longer told.
const staleAfter = 3

// stale reports whether the latest run is too old to vouch for health. A run is
// as old as its begin.
func (s *state) stale(now time.Time) bool {
	return now.Sub(s.lastProbe) > staleAfter*s.target.Interval
}

// after returns the state with one more run. The schedule never overlaps the runs
// of a target; should they arrive out of order all the same, the latest stays.
func (s *state) after(r probe.Result) *state {
	if r.Start.Before(s.lastProbe) {
		return s
	}
	next := *s
	next.lastProbe = r.Start
	if r.Healthy() {
		next.lastSuccess = r.Start
	} else {
		next.lastFailure = failure{r.Start, r.Diagnosis.Reason, r.Diagnosis.Party()}
	}
	next.learn(r)
	next.samples = samplesOf(&next, &r)
	return &next
}

// learn takes over what the run got to know. What it did not get to know stays as
// it was: a Vault that is down still has the certificate that it had. The tokens that the
// exporter mints are its own affair.
func (s *state) learn(r probe.Result) {
	e := r.Evidence
	if from := r.Target.Reviewer.Source; e.ReviewerToken.Ok() && (from == probe.SourceFile || from == probe.SourceSecret) {
		s.reviewer = lifeOf(e.ReviewerToken.Value)
	}
	if e.CanaryToken.Ok() && r.Target.Canary.Source == probe.SourceFile {
		s.canary = lifeOf(e.CanaryToken.Value)
	}
	if e.Login.Ok() {
		s.vault = span{begin: r.Start}
		if ttl := e.Login.Value.TTL; ttl > 0 {
			s.vault.end = r.Start.Add(ttl)
		}
	}
	if c := e.KubernetesChain; c.Verified {
		s.kubernetesCertificate = span{c.NotBefore, c.NotAfter}
	}
	if c := e.VaultChain; c.Verified {
		s.vaultCertificate = span{c.NotBefore, c.NotAfter}
	}
	if c := e.MountCA.Value.Chain; !c.NotAfter.IsZero() {
		s.mountCA = span{c.NotBefore, c.NotAfter}
	}
	if v := e.Health.Value.Version; e.Health.Ok() && versionLike.MatchString(v) {
		s.vaultVersion = v
	}
}

// versionLike is what a server's version must look like to become a label. The
// server chooses the text, and could echo what it was sent.
var versionLike = regexp.MustCompile(`^v?[0-9][0-9A-Za-z.+-]{0,47}$`)

func lifeOf(c probe.Claims) span {
	begin := c.IssuedAt
	if begin.IsZero() {
		begin = c.NotBefore
	}
	return span{begin, c.Expires}
}

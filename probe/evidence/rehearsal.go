package evidence

import (
	"regexp"
	"time"
)

// WorkloadLogin is a login of a workload as its rehearsal claims it.
type WorkloadLogin struct {
	Role           string
	ServiceAccount ServiceAccount
	// Issuer and Audiences are those of the workload's JWT.
	Issuer    string
	Audiences []string
	// IssuerAssumed and AudiencesAssumed are set if they are not known, but the usual ones: what
	// Vault says about them proves nothing.
	IssuerAssumed, AudiencesAssumed bool
	// AccountMissing is set if the service account does not exist.
	AccountMissing bool
	// OpenBao is set if the canary's run found OpenBao.
	OpenBao bool
}

// Rehearsal is what Vault answered to logins with forged JWTs that claim to be a workload.
// None of them can succeed: no JWT has a valid signature.
type Rehearsal struct {
	Login WorkloadLogin
	// At is when it began.
	At time.Time
	// Expired is the answer to a JWT that expired long ago. It depends on the role, the issuer
	// and the audiences only, not on the service account.
	Expired Fact[Refusal]
	// Unexpired is the answer to a JWT that has not expired. It is asked only if Vault rejected
	// the other one for its expiry.
	Unexpired Fact[Refusal]
	// Role is the role in Vault. It is read only if its CIDRs or audience may explain the answer, and
	// the target has a Vault token.
	Role Fact[RoleConfig]
}

// TextAccepted is the exporter's own text for a login with a forged JWT that succeeded.
const TextAccepted = "a login that should have been rejected succeeded"

// Accepted reports whether Vault issued a token to a forged JWT.
func Accepted(f Fact[Refusal]) bool { return f.Failed() && f.Failure.Text == TextAccepted }

// Accepted reports whether Vault issued a token.
func (r Rehearsal) Accepted() bool { return Accepted(r.Expired) || Accepted(r.Unexpired) }

// CameToExpiry reports whether Vault rejected the expired JWT for its expiry: the role exists and
// admits the exporter's address, the issuer and the audiences, and no PEM keys check signatures.
func CameToExpiry(f Fact[Refusal]) bool { return f.Ok() && Contains(f.Value.Text, TextExpired) }

// Last returns the answer that decides.
func (r Rehearsal) Last() Fact[Refusal] {
	if r.Unexpired.State != NotAsked {
		return r.Unexpired
	}
	return r.Expired
}

// Backoff returns how long to make no rehearsals at this Vault, 0 if there is no reason to pause:
// Vault asked for fewer requests, or did not answer.
func (r Rehearsal) Backoff() time.Duration {
	last := r.Last()
	overloaded := last.Ok() && (last.Value.Status == 429 || last.Value.Status >= 500)
	if overloaded || last.Failed() && !Accepted(last) {
		return min(max(rehearsalBackoff, last.Value.RetryAfter, last.Failure.RetryAfter), maxRehearsalBackoff)
	}
	return 0
}

// rehearsalBackoff is the least pause after a failure of Vault, and maxRehearsalBackoff the longest that
// it can ask for: no server can stop its own monitoring.
const rehearsalBackoff, maxRehearsalBackoff = time.Minute, 10 * time.Minute

var roleName = regexp.MustCompile(`^[0-9A-Za-z_](?:[0-9A-Za-z_.-]*[0-9A-Za-z_])?$`)

// ValidRole reports whether Vault can have a role of this name. Other names must not be part of a
// path.
func ValidRole(name string) bool { return len(name) < 512 && roleName.MatchString(name) }

package evidence

import "time"

// Claims are the claims of a token, decoded locally and not verified.
type Claims struct {
	// Opaque is set for a token that is not a JWT; all other fields are then empty.
	Opaque bool

	Issuer, Subject string
	Audiences       []string
	// Expires, NotBefore and IssuedAt are zero if the token lacks the claim.
	Expires, NotBefore, IssuedAt time.Time
	// WarnAfter is when a pod's token should have been replaced, although it expires long after:
	// the API server extends the tokens of pods whose programs may not read them again. Zero for
	// others.
	WarnAfter time.Time
	// KeyID names the key that signed the token; empty if its header does not.
	KeyID string

	Namespace, ServiceAccount, UID string
	// Pod, Secret and Node name the object that the token is bound to, if any: the token
	// becomes invalid when that object is deleted.
	Pod, Secret, Node string
}

// Alias returns the name by which Vault knows the identity entity of the service account
// that logs in with this role.
func (c Claims) Alias(role RoleConfig) string {
	if role.AliasByName {
		return c.Namespace + "/" + c.ServiceAccount
	}
	return c.UID
}

// Issued returns when the token's validity began: iat or, without it, nbf.
func (c Claims) Issued() time.Time {
	if c.IssuedAt.IsZero() {
		return c.NotBefore
	}
	return c.IssuedAt
}

// LegacyIssuer is the issuer of service account tokens in Secrets, in every cluster.
const LegacyIssuer = "kubernetes/serviceaccount"

// Leeway is the clock difference that the API server and Vault tolerate when they check
// a token's times.
const Leeway = 60 * time.Second

// Expired reports whether the token's exp claim has passed by more than Leeway.
func (c Claims) Expired(now time.Time) bool {
	return !c.Expires.IsZero() && now.After(c.Expires.Add(Leeway))
}

// IssuedAhead reports whether the token's iat claim is more than Leeway in the future.
func (c Claims) IssuedAhead(now time.Time) bool {
	return now.Add(Leeway).Before(c.IssuedAt)
}

// NotYetValid reports whether the token's nbf claim is more than Leeway in the future.
func (c Claims) NotYetValid(now time.Time) bool {
	return !c.NotBefore.IsZero() && now.Add(Leeway).Before(c.NotBefore)
}

package evidence

import "time"

// Claims are what a token says of itself, decoded offline and not verified.
type Claims struct {
	// Opaque is set for a token that is no JWT. Nothing else is known of it then.
	Opaque bool

	Issuer, Subject string
	Audiences       []string
	// Expires, NotBefore and IssuedAt are zero where the token does not say.
	Expires, NotBefore, IssuedAt time.Time

	Namespace, ServiceAccount, UID string
	// Pod, Secret and Node name the object that the token dies with, if any.
	Pod, Secret, Node string
}

// issued is when a token's life began.
func (c Claims) Issued() time.Time {
	if c.IssuedAt.IsZero() {
		return c.NotBefore
	}
	return c.IssuedAt
}

// legacyIssuer is the issuer of tokens in Secrets, in every cluster.
const LegacyIssuer = "kubernetes/serviceaccount"

// Leeway is what the API server and Vault allow on a token's times.
const Leeway = 60 * time.Second

// expired reports whether the token's exp claim has passed, leeway included.
func (c Claims) Expired(now time.Time) bool {
	return !c.Expires.IsZero() && now.After(c.Expires.Add(Leeway))
}

// IssuedAhead reports whether the token's iat claim lies ahead, leeway included.
func (c Claims) IssuedAhead(now time.Time) bool {
	return now.Add(Leeway).Before(c.IssuedAt)
}

// notYetValid reports whether the token's nbf claim lies ahead, leeway included.
func (c Claims) NotYetValid(now time.Time) bool {
	return !c.NotBefore.IsZero() && now.Add(Leeway).Before(c.NotBefore)
}

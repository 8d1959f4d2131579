package evidence

// TokenEvent is what happened to a Vault token that a login returned.
type TokenEvent string

// The events. Every token is issued first. A service token is then revoked, or its
// revocation fails; a batch token cannot be revoked and is valid until its TTL ends.
const (
	IssuedService TokenEvent = "issued_service"
	IssuedBatch   TokenEvent = "issued_batch"
	Revoked       TokenEvent = "revoked"
	// RevokeFailed means that the token is valid until its TTL ends.
	RevokeFailed TokenEvent = "revoke_failed"
	// Unaccounted means that no usable response to a login was received. If Vault issued a
	// token for it, that is valid until its TTL ends.
	Unaccounted TokenEvent = "unaccounted"
)

// The types of Vault tokens, as Vault names them.
const (
	ServiceToken = "service"
	BatchToken   = "batch"
)

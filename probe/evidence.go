package probe

import "time"

// Evidence is everything that one run saw, each fact on its own. It holds no
// credential. Written as a literal it is the fixture of a test of [Diagnose].
type Evidence struct {
	// At is when the run began, by our own clock. Judgements about expiry use it.
	At time.Time
	// Panic is the text of a panic inside the run, empty if there was none.
	Panic string

	CanaryToken   Fact[Claims]
	ReviewerToken Fact[Claims]

	// Review is the TokenReview of the canary's token, created with the reviewer's.
	Review Fact[Review]
	// Identity is who the API server takes the reviewer for (SelfSubjectReview).
	Identity Fact[Identity]
	// Access is whether the reviewer may create TokenReviews (SelfSubjectAccessReview).
	Access Fact[Access]

	// Health is Vault's sys/health.
	Health Fact[Health]
	// Login is the canary's login.
	Login Fact[Login]
	// Revoke is the revocation of the token that the login brought.
	Revoke Fact[struct{}]

	FollowUps FollowUps

	// KubernetesChain and VaultChain are the certificates that either end served.
	KubernetesChain, VaultChain Chain
}

// FollowUps are the extra questions after a bare 403. They may be carried over
// from an earlier run that saw exactly the same.
type FollowUps struct {
	// At is when they were asked; it equals Evidence.At if this run asked them.
	At time.Time
	// MountProbe is the answer to a login with a role that does not exist.
	MountProbe Fact[Refusal]
}

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

// Review is a TokenReview's status. The API server answers 201 whether or not
// the reviewed token is good.
type Review struct {
	Authenticated bool
	Username, UID string
	Audiences     []string
	// Error says why the reviewed token was not authenticated, cleaned.
	Error string
	// OfNothing is set where there was no canary token and a fixed non-token was
	// reviewed, for the reviewer's sake.
	OfNothing bool
}

// Identity is a SelfSubjectReview's answer.
type Identity struct{ Username string }

// Access is a SelfSubjectAccessReview's answer about creating TokenReviews.
type Access struct {
	Allowed bool
	// Why is the authorizer's own explanation, cleaned.
	Why string
}

// Health is Vault's own account of its state.
type Health struct {
	Initialized, Sealed, Standby bool
	// DRSecondary and Removed are states of Enterprise clusters that serve no logins.
	DRSecondary, Removed bool
	Version              string
	// Skew is Vault's clock less ours, to the second.
	Skew time.Duration
}

// Login is what a successful login brought, less the token.
type Login struct {
	// Type is "service" or "batch".
	Type string
	// TTL is the lifetime of the token.
	TTL time.Duration
}

// Refusal is the answer to a login that can bring no token.
type Refusal struct {
	Status int
	Text   string
}

// Chain is what one end showed in its TLS handshake.
type Chain struct {
	// Verified is false where verification failed; the dates are then those served.
	Verified bool
	// NotBefore and NotAfter are those of the certificate that expires first. Both
	// are zero where no handshake got that far.
	NotBefore, NotAfter time.Time
	// Subject names that certificate, cleaned.
	Subject string
}

package evidence

import "time"

// Evidence is everything that one run observed, each fact independent of the others. It
// contains no credential. Tests of package diagnose write it as a literal.
type Evidence struct {
	// At is when the run began, by the exporter's clock. Expiry is judged at this time.
	At time.Time
	// Lag is how late the run noticed that its timeout had passed, 0 if it ended before.
	// In a process that was suspended or starved of CPU, a timeout is not the server's.
	Lag time.Duration
	// Panic is the text of a panic inside the run, empty if there was none.
	Panic string

	CanaryToken   Fact[Claims]
	ReviewerToken Fact[Claims]
	// OwnToken is the exporter's own token for the API server. It is optional.
	OwnToken Fact[Claims]

	// Review is the TokenReview of the canary's token, created with the reviewer's token.
	// With the source accessreview, the exporter's own identity creates it, after a login
	// that got a bare 403.
	Review Fact[Review]
	// Identity is the user that the API server authenticates the reviewer as
	// (SelfSubjectReview).
	Identity Fact[Identity]
	// Access is whether the reviewer may create TokenReviews (SelfSubjectAccessReview).
	Access Fact[Access]
	// Privileges is what else the reviewer may do (SelfSubjectRulesReview).
	Privileges Fact[Privileges]

	// Health is Vault's sys/health.
	Health Fact[Health]
	// Login is the canary's login.
	Login Fact[Login]
	// Mount is the configuration of the mount and the role in Vault. It is optional.
	Mount Mount
	// MountCA is whether the CA in the config verifies the chain that the API server serves.
	MountCA Fact[CACheck]
	// MountAuthorities are the certificates in the config's kubernetes_ca_cert. Without MountCA,
	// all of them are Others.
	MountAuthorities Authorities
	// Capabilities is what the token that the login returned may do at [GuardedPaths].
	Capabilities Fact[[]Capabilities]
	// Revoke is the revocation of the token that the login returned.
	Revoke Fact[struct{}]

	FollowUps      FollowUps
	NegativeCanary NegativeCanary

	// KubernetesCertificate and VaultCertificate are the certificates that the servers sent.
	KubernetesCertificate, VaultCertificate Certificate
	// KubernetesChain and VaultChain are the same in full.
	KubernetesChain, VaultChain Chain
	// ClientCertificate is the exporter's own for Vault; zero if it has none.
	ClientCertificate Certificate
	// ReviewerSecret is how the cluster has marked the Secret that the reviewer's token was
	// read from.
	ReviewerSecret SecretMarks
}

// SecretMarks are the labels that a cluster sets on a Secret of a service account. They have no
// time of day. Zero if the Secret has no such label, or was not read.
type SecretMarks struct {
	// InvalidSince is kubernetes.io/legacy-token-invalid-since: because nobody used it for long,
	// the API server rejects the token, and later deletes the Secret.
	InvalidSince time.Time
	// LastUsed is kubernetes.io/legacy-token-last-used.
	LastUsed time.Time
}

// FollowUps are the additional requests after a failure. Answers may be carried over
// from an earlier run that observed the same failure: those have [Fact].Carried set.
type FollowUps struct {
	// Asked lists the follow-ups that this run made, by the names of their steps.
	Asked []string
	// Postponed is when the follow-ups may be made that this run had no turn for, because
	// many targets of one Vault failed at the same time; zero if none were postponed.
	Postponed time.Time

	// MountProbe is the response to a login with a role that does not exist.
	MountProbe Fact[Refusal]
	// MountHelp is the response to a request without a token for the help of
	// auth/<mount>/login/<name>, where userpass, ldap, okta and radius log in. It is made
	// after a bare 403 to the mount probe.
	MountHelp Fact[Refusal]
	// RoleProbe is the response to a rehearsal: a login with the canary's role and a forged
	// JWT that expired long ago.
	RoleProbe Fact[Refusal]
	// CallProbe is the response to a login with the canary's role and a forged JWT that has
	// not expired, which the API server refuses. It is made while logins hang.
	CallProbe Fact[Refusal]
	// DiagnosticRole is the response to a login with the diagnostic role.
	DiagnosticRole Fact[Refusal]
	// DiagnosticAccess is whether the user that the response to the diagnostic role names
	// may create TokenReviews (SubjectAccessReview).
	DiagnosticAccess Fact[Access]
	// ReviewerReview is the TokenReview of the reviewer's token, created with the
	// exporter's own token.
	ReviewerReview Fact[Review]
	// Entity is the canary's identity entity in Vault.
	Entity Fact[Entity]
}

// Entity is an identity entity in Vault; the zero value is one that does not exist.
type Entity struct{ Exists, Disabled bool }

// Mount is the configuration of the mount and the role in Vault. It may be carried over
// from an earlier run.
type Mount struct {
	// At is when it was read; it equals Evidence.At if this run read it.
	At     time.Time
	Config Fact[MountConfig]
	Role   Fact[RoleConfig]
	// Type is the type of the auth method; empty if no token may read it. It was read at
	// TypeAt.
	Type   string
	TypeAt time.Time
	// Accessor identifies the mount in Vault's log lines and audit entries; empty if no
	// token may read it.
	Accessor string
	// Missing is set if a token that may read the config was told at TypeAt that nothing is
	// mounted there.
	Missing bool
	// KeysRefuseCanary is set if the config has PEM keys and none of them verifies the
	// canary's token.
	KeysRefuseCanary bool
	// ClusterKeys are the IDs of the keys with which the API server verifies tokens, its JWKS.
	// They are asked for when the config was read and has PEM keys.
	ClusterKeys Fact[[]string]
	// ConfigBaseline and RoleBaseline are earlier readings that these are compared with; nil if
	// there is none yet.
	ConfigBaseline *Baseline[MountConfig]
	RoleBaseline   *Baseline[RoleConfig]
}

// MountConfig is auth/<mount>/config. Vault never returns the reviewer's token.
type MountConfig struct {
	Host string
	// CACert is PEM; empty if Vault uses its pod's CA file or the system's roots.
	CACert string
	// PEMKeys are the public keys with which Vault itself verifies JWTs; if empty, it
	// leaves that to the TokenReview.
	PEMKeys              []string
	Issuer               string
	DisableISSValidation bool
	DisableLocalCAJWT    bool
	// ReviewerSet is whether a reviewer token is stored; known since plugin 0.18.
	ReviewerSet, ReviewerSetKnown bool
	Annotations                   bool
}

// RoleConfig is the part of auth/<mount>/role/<role> that the exporter uses.
type RoleConfig struct {
	Audience string
	// AliasByName is set if entities are named after namespace/name of the service account;
	// else they are named after its UID.
	AliasByName bool
	// CIDRs are the addresses that may log in; empty means any.
	CIDRs []string
	// TTL is the lifetime of the role's tokens, MaxTTL that of tokens that are renewed; 0 means
	// the mount's default.
	TTL, MaxTTL time.Duration
	// Names and Namespaces are the service accounts that the role admits.
	Names, Namespaces []string
	// Selector is a label selector in JSON, which admits namespaces in addition to Namespaces;
	// empty if there is none.
	Selector string
	// Policies are those of the role's tokens, besides default unless NoDefaultPolicy is set.
	Policies        []string
	NoDefaultPolicy bool
	// Type is the type of the role's tokens, in Vault's words.
	Type string
}

// CACheck is the result of verifying the API server's certificate with the CA in the
// config.
type CACheck struct {
	Verified bool
	// Why is the verification error, cleaned; empty if Verified.
	Why string
	// Certificate is the certificate of the CA bundle that verifies or, if none does, the one
	// that expires first.
	Certificate Certificate
}

// Review is a TokenReview's status. The API server responds with 201 whether or not the
// reviewed token is valid.
type Review struct {
	Authenticated bool
	Username, UID string
	Audiences     []string
	// Error is why the reviewed token was not authenticated, cleaned.
	Error string
	// Placeholder is set if there was no canary token and a fixed text was reviewed
	// instead, which still checks the reviewer.
	Placeholder bool
}

// Identity is the result of a SelfSubjectReview.
type Identity struct{ Username string }

// Access is the result of a SelfSubjectAccessReview or SubjectAccessReview about creating
// TokenReviews.
type Access struct {
	Allowed bool
	// Why is the authorizer's explanation, cleaned.
	Why string
}

// Health is Vault's state as sys/health reports it.
type Health struct {
	Initialized, Sealed, Standby bool
	// Disconnected is set for a standby that has lost its connection to the active node.
	Disconnected bool
	// DRSecondary and Removed are states of Enterprise clusters that serve no logins.
	DRSecondary, Removed bool
	// Community is set if Vault says that it is not Enterprise, which has namespaces, and
	// policies that may refuse any login. Older Vaults and OpenBao do not say it.
	Community bool
	// OpenBao is set if it is OpenBao, whose command is bao.
	OpenBao bool
	Version string
	// Skew is Vault's clock minus the exporter's, in whole seconds.
	Skew time.Duration
}

// Login is the response to a successful login, without the token.
type Login struct {
	// Type is "service" or "batch".
	Type string
	// TTL is the lifetime of the token.
	TTL time.Duration
	// Uses is how many requests the token is good for; 0 if that is not limited.
	Uses int
	// From is the address of the active node if a standby redirected the login there.
	From string
}

// Refusal is the response to a login that cannot succeed.
type Refusal struct {
	Status int
	Text   string
	// RetryAfter is the pause that the server requested, 0 if it requested none.
	RetryAfter time.Duration
}

// IsBare403 reports whether the response is a 403 that does not say why.
func (r Refusal) IsBare403() bool { return r.Status == 403 && r.Text == TextBare403 }

// Certificate is a certificate that a server sent in its TLS handshake, or that a CA bundle
// contains. [Evidence].KubernetesCertificate and VaultCertificate are the one that expires first
// in the verified chain that stays valid the longest.
type Certificate struct {
	// Verified is false if verification failed; the dates are then those of the
	// certificates as sent.
	Verified bool
	// Needed is set for what a server sent if the server cannot be verified without it.
	Needed bool
	// NotBefore and NotAfter are zero if there is no certificate, for example because no
	// handshake got that far.
	NotBefore, NotAfter time.Time
	// Subject is the certificate's subject, cleaned.
	Subject string
}

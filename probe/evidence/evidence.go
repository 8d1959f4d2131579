package evidence

import (
	"slices"
	"time"
)

// Evidence is everything that one run saw, each fact on its own. It holds no
// credential. Written as a literal it is the fixture of a test of [Diagnose].
type Evidence struct {
	// At is when the run began, by our own clock. Judgements about expiry use it.
	At time.Time
	// Lag is how late the run noticed that its timeout had passed, 0 if it ended before:
	// a process that was frozen or starved saw timeouts that no server caused.
	Lag time.Duration
	// Panic is the text of a panic inside the run, empty if there was none.
	Panic string

	CanaryToken   Fact[Claims]
	ReviewerToken Fact[Claims]
	// OwnToken is the exporter's own at the API server. It is optional.
	OwnToken Fact[Claims]

	// Review is the TokenReview of the canary's token, created with the reviewer's; with
	// the source accessreview by the exporter's own identity, after a bare refusal.
	Review Fact[Review]
	// Identity is who the API server takes the reviewer for (SelfSubjectReview).
	Identity Fact[Identity]
	// Access is whether the reviewer may create TokenReviews (SelfSubjectAccessReview).
	Access Fact[Access]
	// ExcessPrivileges is what the reviewer may do beyond that.
	ExcessPrivileges Fact[ExcessPrivileges]

	// Health is Vault's sys/health.
	Health Fact[Health]
	// Login is the canary's login.
	Login Fact[Login]
	// Mount is what Vault has stored of the mount and the role. It is optional.
	Mount Mount
	// MountCA is the config's CA held against the chain that the API server serves.
	MountCA Fact[CACheck]
	// Revoke is the revocation of the token that the login brought.
	Revoke Fact[struct{}]

	FollowUps FollowUps

	// KubernetesCertificate and VaultCertificate are the certificates that either end served.
	KubernetesCertificate, VaultCertificate Certificate
}

// FollowUps are the extra questions after a failure. Answers may be carried over from
// an earlier run that saw exactly the same: they are marked as [Fact].Carried.
type FollowUps struct {
	// Asked lists the questions that this run asked, by the names of their steps.
	Asked []string
	// Postponed is when the questions are to be asked that this run had no turn for,
	// since many targets of one Vault fail at once; zero where there are none.
	Postponed time.Time

	// MountProbe is the answer to a login with a role that does not exist.
	MountProbe Fact[Refusal]
	// RoleProbe is the answer to a login with the canary's role and a JWT that expired
	// long ago.
	RoleProbe Fact[Refusal]
	// DiagnosticRole is the answer to a login with the diagnostic role.
	DiagnosticRole Fact[Refusal]
	// DiagnosticAccess is whether the identity that the diagnostic role named may create
	// TokenReviews (SubjectAccessReview).
	DiagnosticAccess Fact[Access]
	// ReviewerReview is the TokenReview of the reviewer's token, created with the
	// exporter's own.
	ReviewerReview Fact[Review]
}

// Mount is what Vault has stored of the mount and the role. It may be carried over
// from an earlier run.
type Mount struct {
	// At is when it was read; it equals Evidence.At if this run read it.
	At     time.Time
	Config Fact[MountConfig]
	Role   Fact[RoleConfig]
	// Type is that of the auth method at the mount; empty where no token may read it. It
	// was read at TypeAt.
	Type   string
	TypeAt time.Time
	// Accessor names the mount in Vault's log lines and audit entries; empty where no
	// token may read it.
	Accessor string
	// KeysRefuseCanary is set where the config has PEM keys and none verifies the
	// canary's token.
	KeysRefuseCanary bool
	// Baseline is the config that this one is held against; nil where there is none
	// yet.
	Baseline *MountConfig
}

// MountConfig is auth/<mount>/config. Vault never returns the reviewer's token.
type MountConfig struct {
	Host string
	// CACert is PEM, empty where Vault uses a file of its own or the system's roots.
	CACert string
	// PEMKeys verify JWTs at Vault itself; empty where it verifies none.
	PEMKeys              []string
	Issuer               string
	DisableISSValidation bool
	DisableLocalCAJWT    bool
	// ReviewerSet is whether a reviewer token is stored; known since plugin 0.18.
	ReviewerSet, ReviewerSetKnown bool
	Annotations                   bool
}

// RoleConfig is what matters here of auth/<mount>/role/<role>.
type RoleConfig struct {
	Audience string
	// CIDRs are the addresses that may log in; empty means any.
	CIDRs []string
	// TTL is the lifetime of the role's tokens; 0 is the mount's default.
	TTL time.Duration
}

// ExcessPrivileges is what a reviewer had better not have.
type ExcessPrivileges struct {
	// Everything: any verb on any resource.
	Everything bool
	// Secrets: list the Secrets of the whole cluster.
	Secrets bool
}

// CACheck is the outcome of a verification with the config's CA.
type CACheck struct {
	Verified bool
	// Why says why not, cleaned.
	Why string
	// Chain has the dates of the CA's certificate that expires first.
	Certificate Certificate
}

// Review is a TokenReview's status. The API server answers 201 whether or not
// the reviewed token is good.
type Review struct {
	Authenticated bool
	Username, UID string
	Audiences     []string
	// Error says why the reviewed token was not authenticated, cleaned.
	Error string
	// Placeholder is set where there was no canary token and a fixed non-token was
	// reviewed, for the reviewer's sake.
	Placeholder bool
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
	// Disconnected is set for a standby that has lost its connection to the active node.
	Disconnected bool
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
	// From is the address of the active node, where a standby redirected there.
	From string
}

// Refusal is the answer to a login that can bring no token.
type Refusal struct {
	Status int
	Text   string
}

// Chain is what one end showed in its TLS handshake.
type Certificate struct {
	// Verified is false where verification failed; the dates are then those served.
	Verified bool
	// NotBefore and NotAfter are those of the certificate that expires first. Both
	// are zero where no handshake got that far.
	NotBefore, NotAfter time.Time
	// Subject names that certificate, cleaned.
	Subject string
}

// differs lists the fields in which two configs differ.
func (c MountConfig) Differs(other MountConfig) []string {
	var fields []string
	for _, f := range []struct {
		name string
		same bool
	}{
		{"kubernetes_host", c.Host == other.Host},
		{"kubernetes_ca_cert", c.CACert == other.CACert},
		{"pem_keys", slices.Equal(c.PEMKeys, other.PEMKeys)},
		{"issuer", c.Issuer == other.Issuer},
		{"disable_iss_validation", c.DisableISSValidation == other.DisableISSValidation},
		{"disable_local_ca_jwt", c.DisableLocalCAJWT == other.DisableLocalCAJWT},
		{"token_reviewer_jwt_set", c.ReviewerSet == other.ReviewerSet},
		{"use_annotations_as_alias_metadata", c.Annotations == other.Annotations},
	} {
		if !f.same {
			fields = append(fields, f.name)
		}
	}
	return fields
}

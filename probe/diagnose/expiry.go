package diagnose

import "time"

// Expiry is a token or certificate of a target: when it ends, and what happens then.
type Expiry struct {
	What Item
	// Which is the user of a token or the subject of a certificate.
	Which string
	// Begin is zero if it is not known, End if there is none.
	Begin, End time.Time
	// WarnAt is when the warning about the end begins; zero without an end.
	WarnAt time.Time
	// Until says what else ends it, as a phrase to follow "until"; empty if nothing is known.
	Until string
	// Effect is what happens at the end, and Then says it in a sentence.
	Effect Effect
	Then   string
	// Component has to renew it.
	Component Component
	// Source says where this was read.
	Source string
}

// Soon reports whether it has ended, or ends within the time that the target's warnings have.
func (x Expiry) Soon(now time.Time) bool { return !x.End.IsZero() && now.After(x.WarnAt) }

// ExpiryState is how urgent the renewal is.
type ExpiryState string

// The states.
const (
	ExpiryHarmless ExpiryState = "harmless" // nothing needs it
	Expired        ExpiryState = "expired"
	ExpiresSoon    ExpiryState = "soon"
	ExpiresLater   ExpiryState = "later"
)

// State returns how urgent the renewal is.
func (x Expiry) State(now time.Time) ExpiryState {
	switch {
	case x.Effect == NothingEnds:
		return ExpiryHarmless
	case !x.End.IsZero() && x.End.Before(now):
		return Expired
	case x.Soon(now):
		return ExpiresSoon
	}
	return ExpiresLater
}

// Item is a kind of token or certificate.
type Item string

// The items.
const (
	ReviewerTokenItem         Item = "reviewer_token"
	CanaryTokenItem           Item = "canary_token"
	ExporterTokenItem         Item = "exporter_token"
	VaultCertificateItem      Item = "vault_certificate"
	VaultCAItem               Item = "vault_ca"
	ClientCertificateItem     Item = "client_certificate"
	KubernetesCertificateItem Item = "kubernetes_certificate"
	KubernetesCAItem          Item = "kubernetes_ca"
	MountCAItem               Item = "mount_ca"
)

var itemNames = map[Item]string{
	ReviewerTokenItem:         "reviewer token",
	CanaryTokenItem:           "canary token",
	ExporterTokenItem:         "exporter's own token",
	VaultCertificateItem:      "certificate of Vault",
	VaultCAItem:               "the exporter's CA for Vault",
	ClientCertificateItem:     "the exporter's client certificate for Vault",
	KubernetesCertificateItem: "certificate of the API server",
	KubernetesCAItem:          "the exporter's CA for the API server",
	MountCAItem:               "CA in the mount's config",
}

// String returns the item's name for people.
func (i Item) String() string { return itemNames[i] }

// Effect is what happens when something ends.
type Effect string

// The effects.
const (
	// LoginsEnd means that pods can no longer log in.
	LoginsEnd Effect = "logins_fail"
	// ChecksEnd means that pods still can, and the exporter no longer checks it.
	ChecksEnd Effect = "checks_fail"
	// NothingEnds is for a certificate that nothing needs.
	NothingEnds Effect = "none"
	// EffectUnknown is for a CA of a server that the exporter does not connect to.
	EffectUnknown Effect = "unknown"
)

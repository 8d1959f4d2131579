package evidence

import (
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// Target is one auth mount as seen from one cluster. It is built from the configuration
// and never modified.
type Target struct {
	// Name is the value of the metric label target.
	Name string

	Vault      Vault
	Kubernetes Kubernetes

	// Reviewer is the identity with which Vault creates TokenReviews. Its token has no
	// audience of its own, which means the API server's.
	Reviewer Origin
	// Canary is the service account that logs in as a pod would.
	Canary Origin

	// Interval is the time from one scheduled run to the next, Timeout bounds the
	// gathering of one run's evidence, and Recheck is the pause before the run
	// that confirms a change of verdict.
	Interval, Timeout, Recheck time.Duration

	// Home is the API server of the cluster that the exporter runs in, with the exporter's
	// token there. Only the reviewer source secret needs it.
	Home Kubernetes

	// Pod is where the files of the configuration come from. Only printed commands use it, and
	// it differs between the replicas of an exporter.
	Pod Pod `json:"-"`

	// Labels are the extra labels of the metric target_info, for people and for the routing
	// of alerts.
	Labels map[string]string

	// ExpiryWarning is how long before the end of a token or certificate warnings begin. Zero
	// means DefaultExpiryWarning.
	ExpiryWarning ExpiryWarning

	// FollowUps permits the additional requests that distinguish the causes of a failed
	// login.
	FollowUps bool

	// Candidate is set for a change of the mount's config that is tried before it is written.
	// Only the API server is asked then: nobody logs in.
	Candidate *Candidate `json:"-"`

	// NegativeCanary is whether logins are made that Vault must refuse, and how often.
	NegativeCanary NegativeCanarySettings
}

// NegativeCanarySettings are the settings of the negative canary.
type NegativeCanarySettings struct {
	Enabled bool
	// Interval is the time from one round of its logins to the next.
	Interval time.Duration
}

// Candidate says which of a target's settings are not those of the configuration, but are to be
// written to the mount's config. The settings themselves are in the [Target].
type Candidate struct{ Reviewer, Host, CACert bool }

// StandardInput is the file name of a candidate's token or CA that is given on standard input. No
// configured file has a blank.
const StandardInput = "standard input"

// PlaceholderOfInput stands for it in printed commands, which would otherwise wait for an input, or
// store an empty one. A shell refuses it.
const PlaceholderOfInput = "<file>"

// QuoteFile quotes the name of a file for a shell.
func QuoteFile(file string) string {
	if file == StandardInput {
		return PlaceholderOfInput
	}
	return shell.Quote(file)
}

// ReadsInput reports whether the candidate's token or CA is given on standard input.
func (t Target) ReadsInput() bool {
	c := t.Candidate
	return c != nil && (c.Reviewer && t.Reviewer.TokenFile == StandardInput || c.CACert && t.Kubernetes.CACert == StandardInput)
}

// ReplacesCA reports whether the candidate is written with a CA: its own or, with another host,
// that with which this host was verified.
func (t Target) ReplacesCA() bool {
	c := t.Candidate
	return c != nil && t.Kubernetes.CACert != "" && (c.CACert || c.Host)
}

// ExpiryWarning is how long before the end of a token or a certificate the warning begins.
type ExpiryWarning struct{ Tokens, Certificates time.Duration }

// DefaultExpiryWarning is how long before the end of a token or certificate warnings begin.
const DefaultExpiryWarning = 14 * 24 * time.Hour

// The time that a run may take after its timeout has passed.
const (
	FollowUpBudget = 5 * time.Second
	RevokeBudget   = 2 * time.Second
	// Overrun is how far past its timeout a run may last. An interval shorter than the
	// timeout plus Overrun cannot be kept.
	Overrun = FollowUpBudget + RevokeBudget
)

// LongestRun returns the maximum duration of a run of the target.
func (t Target) LongestRun() time.Duration { return t.Timeout + Overrun }

// Vault is where the canary logs in. OpenBao has the same API.
type Vault struct {
	// Addr is the URL of the server, with the path prefix of a proxy if there is one.
	Addr string
	// Aliases are other URLs of it, under which workloads log in. The exporter does not use them.
	Aliases []string
	// CACert is the file of the CA bundle; empty means the system's roots.
	CACert string
	// TLSServerName is the name that the certificate must carry; empty means the host of Addr.
	TLSServerName string
	// ClientCert and ClientKey are the files of a client certificate, or both empty.
	ClientCert, ClientKey string
	// Namespace is sent as X-Vault-Namespace; empty means the root namespace.
	Namespace string
	// Mount is the path of the auth mount below auth/, without slashes at its ends.
	Mount string
	// Role is the canary's role.
	Role string
	// DiagnosticRole is a role that admits nobody and has a namespace selector: its error
	// responses report the outcome of Vault's own calls to Kubernetes. Empty means there is
	// none.
	DiagnosticRole string
	// TokenFile contains a Vault token that may read the mount's config and role; empty
	// means that only the token that the canary's login returns is tried.
	TokenFile string
}

// MountKey is equal for targets whose login requests go to the same mount with the same
// connection settings.
func (v Vault) MountKey() string {
	return strings.Join([]string{v.Addr, v.CACert, v.TLSServerName, v.ClientCert, v.Namespace, v.Mount}, "\x00")
}

// LoginPath is the path of the canary's login.
func (v Vault) LoginPath() string { return "auth/" + v.Mount + "/login" }

// Kubernetes is the API server that the mount points at.
type Kubernetes struct {
	// Host is its https URL, and Alias is another URL of the same server, empty if none is
	// known.
	Host, Alias string
	// CACert is the file of the CA bundle; empty means the system's roots.
	CACert string
	// TLSServerName is the name that the certificate must carry; empty means the host of Host.
	TLSServerName string
	// TokenFile contains the exporter's own token for this API server; empty means that the
	// exporter has no identity there.
	TokenFile string
}

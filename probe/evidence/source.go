package evidence

import (
	"context"
	"slices"
)

// SourceName names a token source: a value of EXPORTER_REVIEWER or EXPORTER_CANARY.
type SourceName string

// Source is one way to obtain a token, with its texts and the permission that the exporter
// needs for it. Each source has a file of its own.
type Source struct {
	Name SourceName
	// Key is the suffix, after EXPORTER_REVIEWER_ or EXPORTER_CANARY_, of the variable that
	// selects the token: TOKEN_FILE, SECRET or SERVICE_ACCOUNT. Empty if it needs none.
	Key string
	// ForCanary is set if the source is available for the canary too.
	ForCanary bool
	// OwnIdentity is set if the exporter calls the target's API server with its own token,
	// Home if it calls the API server of the cluster that it runs in.
	OwnIdentity, Home bool
	// SelfReview is set if the canary reviews its own token, AccessReview if the exporter
	// does not have the reviewer's token and checks the reviewer's permissions instead.
	SelfReview, AccessReview bool
	// External is set if the exporter does not renew the token itself, so that its expiry
	// is reported.
	External bool

	// Obtain returns the token; nil with AccessReview.
	Obtain func(context.Context, Tokens, Origin) (Token, error)
	// Value returns the value of the variable with the suffix Key.
	Value func(Origin) string
	// Describe says where the token is, as a phrase to follow "the reviewer".
	Describe func(Origin) string
	// Inspect returns a read-only command that shows whether the token exists, and what it
	// shows if not; empty if there is none.
	Inspect func(Origin, Pod) (command, shows string)
	// Export returns how an operator gets a token of the identity in these claims: the value
	// for vault write, and the commands that first write the token to a file, none if it is
	// in one already. Both are empty if no token is stored in Vault, which then uses its own
	// pod's or the client's.
	Export func(Origin, Claims, Pod) (value string, commands []string)
	// Renewed returns a sentence that says where to put a renewed token; empty if the source
	// obtains it without help.
	Renewed func(Origin, Pod) string
	// Permission returns the permission that the exporter's own identity needs; zero if it
	// needs none.
	Permission func(Origin) Permission
}

// Sources lists every source.
var Sources = []Source{fileSource, secretSource, serviceAccountSource, accessReviewSource, canarySource}

// Spec returns the source of this name. Configuration rejects other names.
func (n SourceName) Spec() Source {
	if i := slices.IndexFunc(Sources, func(s Source) bool { return s.Name == n }); i >= 0 {
		return Sources[i]
	}
	return Source{Value: none, Describe: none, Inspect: uninspected, Renewed: nothing,
		Export:     noToken,
		Permission: func(Origin) Permission { return Permission{} },
	}
}

// Origin is where a token comes from: a source and its settings. Settings of other sources
// are zero.
type Origin struct {
	Source SourceName
	// TokenFile is the setting of the source file.
	TokenFile string
	// Secret is the setting of the source secret.
	Secret SecretKey
	// ServiceAccount is the setting of the sources serviceaccount and accessreview.
	ServiceAccount ServiceAccount
	// Audiences are the audiences that the token must have or is minted for. Empty means any
	// or, for a minted token, the API server's own.
	Audiences []string
}

// Token is a credential with its claims.
type Token struct {
	Secret
	Claims Claims
}

// Tokens is what a run offers to a source. Package diagnose has no implementation, so it
// cannot obtain a token.
type Tokens interface {
	// FromFile reads a token file.
	FromFile(path string) (Token, error)
	// FromSecret reads a Secret of the cluster that the exporter runs in.
	FromSecret(context.Context, SecretKey) (Token, error)
	// Mint requests a token of a service account.
	Mint(ctx context.Context, account ServiceAccount, audiences []string) (Token, error)
	// Canary returns the canary's token.
	Canary() (Token, error)
}

// Permission is one rule of Kubernetes RBAC.
type Permission struct {
	Verb, Resource string
	// Namespace and ResourceName are empty if the rule is cluster-wide.
	Namespace, ResourceName string
}

func none(Origin) string { return "" }

func nothing(Origin, Pod) string { return "" }

func uninspected(Origin, Pod) (command, shows string) { return "", "" }

func noToken(Origin, Claims, Pod) (value string, commands []string) { return "", nil }

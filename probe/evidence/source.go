package evidence

import (
	"context"
	"slices"
)

// SourceName is the value of EXPORTER_REVIEWER or EXPORTER_CANARY.
type SourceName string

// Source is one way to get a token: how it is obtained, what it is called, what the
// exporter has to be permitted for it. Each stands in a file of its own.
type Source struct {
	Name SourceName
	// Key is the setting that says which token, after EXPORTER_REVIEWER_ or
	// EXPORTER_CANARY_: TOKEN_FILE, SECRET or SERVICE_ACCOUNT. Empty where it needs none.
	Key string
	// ForCanary is set where the canary's token can come from here too.
	ForCanary bool
	// OwnIdentity is set where the exporter asks the target's API server with a token of
	// its own, and Home where it asks that of the cluster that it runs in.
	OwnIdentity, Home bool
	// SelfReview is set where the canary is its own reviewer, and AccessReview where no
	// token of the reviewer is at hand and the exporter asks what the reviewer may do.
	SelfReview, AccessReview bool
	// External is set where somebody else renews the token, so that its expiry matters.
	External bool

	// Obtain gets the token; nil with AccessReview.
	Obtain func(context.Context, Tokens, Origin) (Token, error)
	// Value is what the setting Key holds.
	Value func(Origin) string
	// Describe is where the token is, to stand behind "the reviewer".
	Describe func(Origin) string
	// Inspect is a read-only command that shows whether the token is there.
	Inspect func(Origin) string
	// Export is how an operator gets a token of the same identity, which these claims
	// name: the value for vault write, and the command that first puts it into a file,
	// empty where it is in one. Both are empty where Vault stores no token: it uses its
	// own pod's, or the client's.
	Export func(Origin, Claims) (value, command string)
	// Renewed is the sentence that says where to put a renewed token; empty where the
	// source gets it by itself.
	Renewed func(Origin) string
	// Permission is what the exporter's own identity needs; zero where it needs none.
	Permission func(Origin) Permission
}

// Sources lists every source.
var Sources = []Source{fileSource, secretSource, serviceAccountSource, accessReviewSource, canarySource}

// Spec returns the source of this name. Configuration admits none that is not listed.
func (n SourceName) Spec() Source {
	if i := slices.IndexFunc(Sources, func(s Source) bool { return s.Name == n }); i >= 0 {
		return Sources[i]
	}
	return Source{Value: none, Describe: none, Inspect: none, Renewed: none,
		Export:     func(Origin, Claims) (value, command string) { return "", "" },
		Permission: func(Origin) Permission { return Permission{} },
	}
}

// Origin is where a token comes from: its source, and the settings of that source. Those
// of other sources are zero.
type Origin struct {
	Source SourceName
	// TokenFile is that of the source file.
	TokenFile string
	// Secret is that of the source secret.
	Secret SecretKey
	// ServiceAccount is that of the sources serviceaccount and accessreview.
	ServiceAccount ServiceAccount
	// Audiences are those that the token must carry, or is minted for; empty means any,
	// and for a minted token the API server's own.
	Audiences []string
}

// Token is a credential and what it says of itself.
type Token struct {
	Secret
	Claims Claims
}

// Tokens is what a source may ask of a run. Judging has none, and so cannot ask.
type Tokens interface {
	// FromFile reads a token file.
	FromFile(path string) (Token, error)
	// FromSecret reads a Secret of the cluster that the exporter runs in.
	FromSecret(context.Context, SecretKey) (Token, error)
	// Mint requests a token of a service account.
	Mint(ctx context.Context, account ServiceAccount, audiences []string) (Token, error)
	// Canary is the canary's own token.
	Canary() (Token, error)
}

// Permission is one rule of Kubernetes RBAC.
type Permission struct {
	Verb, Resource string
	// Namespace and ResourceName are empty where the rule is cluster-wide.
	Namespace, ResourceName string
}

func none(Origin) string { return "" }

package evidence

import "context"

// SourceCanary is for mounts without a reviewer, where Vault reviews each client's token
// with that same token.
const SourceCanary SourceName = "canary"

var canarySource = Source{
	Name: SourceCanary, SelfReview: true,
	Obtain:     func(_ context.Context, tokens Tokens, _ Origin) (Token, error) { return tokens.Canary() },
	Value:      none,
	Describe:   func(Origin) string { return "which is the canary" },
	Inspect:    uninspected,
	Export:     noToken,
	Renewed:    nothing,
	Permission: func(Origin) Permission { return Permission{} },
}

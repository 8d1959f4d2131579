package evidence

import (
	"context"
	"fmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// SourceServiceAccount mints a token with the exporter's own identity.
const SourceServiceAccount SourceName = "serviceaccount"

var serviceAccountSource = Source{
	Name: SourceServiceAccount, Key: "SERVICE_ACCOUNT", ForCanary: true, OwnIdentity: true,
	Obtain: func(ctx context.Context, tokens Tokens, o Origin) (Token, error) {
		return tokens.Mint(ctx, o.ServiceAccount, o.Audiences)
	},
	Value:    func(o Origin) string { return o.ServiceAccount.String() },
	Describe: func(o Origin) string { return o.ServiceAccount.Username() },
	Inspect:  inspectAccount,
	Export:   exportAccount,
	Renewed:  none,
	Permission: func(o Origin) Permission {
		return Permission{Verb: "create", Resource: "serviceaccounts/token", Namespace: o.ServiceAccount.Namespace, ResourceName: o.ServiceAccount.Name}
	},
}

func inspectAccount(o Origin) string {
	return fmt.Sprintf("kubectl -n %s get serviceaccount %s", shell.Quote(o.ServiceAccount.Namespace), shell.Quote(o.ServiceAccount.Name))
}

func exportAccount(o Origin, _ Claims) (value, command string) {
	return mintToFile(shell.Quote(o.ServiceAccount.Namespace), shell.Quote(o.ServiceAccount.Name))
}

// mintToFile creates a token. Namespace and service account are quoted.
func mintToFile(namespace, account string) (value, command string) {
	return "@reviewer-token", fmt.Sprintf("kubectl -n %s create token %s --duration=8760h > reviewer-token", namespace, account)
}

// ServiceAccount identifies a service account.
type ServiceAccount struct{ Namespace, Name string }

// Username returns the username that the API server gives it.
func (s ServiceAccount) Username() string {
	return "system:serviceaccount:" + s.Namespace + ":" + s.Name
}

// String returns namespace/name; empty for the zero ServiceAccount.
func (s ServiceAccount) String() string {
	if s == (ServiceAccount{}) {
		return ""
	}
	return s.Namespace + "/" + s.Name
}

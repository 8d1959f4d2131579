package evidence

import (
	"context"
	"fmt"
	"strings"

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
	Renewed:  nothing,
	Permission: func(o Origin) Permission {
		return Permission{Verb: "create", Resource: "serviceaccounts/token", Namespace: o.ServiceAccount.Namespace, ResourceName: o.ServiceAccount.Name}
	},
}

func inspectAccount(o Origin, _ Pod) (command, shows string) {
	return fmt.Sprintf("kubectl -n %s get serviceaccount %s", shell.Quote(o.ServiceAccount.Namespace), shell.Quote(o.ServiceAccount.Name)), "NotFound"
}

func exportAccount(o Origin, _ Claims, _ Pod) (value string, commands []string) {
	return LastingToken(shell.Quote(o.ServiceAccount.Namespace), shell.Quote(o.ServiceAccount.Name))
}

// LastingToken is [Source].Export for a new token of a service account that does not expire:
// that of a Secret of type kubernetes.io/service-account-token. The validity of a token that
// kubectl create token makes is limited by the API server, often to a day or two. The Secret
// gets a new name each time, because the token of an existing one may be invalid or in use.
// Namespace and service account are quoted.
func LastingToken(namespace, account string) (value string, commands []string) {
	name := strings.Trim(account, "'")
	return exportedToken, []string{fmt.Sprintf(`secret=$(echo '{"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/service-account-token",`+
		`"metadata":{"generateName":"%[2]s-token-","annotations":{"kubernetes.io/service-account.name":"%[2]s"}}}' | kubectl -n %[1]s create -o name -f -) && `+
		`until kubectl -n %[1]s get "$secret" -o go-template='{{with .data}}{{with .token}}{{base64decode .}}{{end}}{{end}}' > reviewer-token && `+
		`test -s reviewer-token; do sleep 1; done`, namespace, name)}
}

// ServiceAccount identifies a service account.
type ServiceAccount struct{ Namespace, Name string }

const accountPrefix = "system:serviceaccount:"

// Username returns the username that the API server gives it.
func (s ServiceAccount) Username() string { return accountPrefix + s.Namespace + ":" + s.Name }

// Anonymous is the username of a request without a token.
const Anonymous = "system:anonymous"

// AccountOf returns the service account with this username. Other users, such as those of an
// identity provider, are none.
func AccountOf(username string) (account ServiceAccount, ok bool) {
	both, isAccount := strings.CutPrefix(username, accountPrefix)
	namespace, name, _ := strings.Cut(both, ":")
	if !isAccount || namespace == "" || name == "" || strings.Contains(name, ":") {
		return ServiceAccount{}, false
	}
	return ServiceAccount{namespace, name}, true
}

// String returns namespace/name; empty for the zero ServiceAccount.
func (s ServiceAccount) String() string {
	if s == (ServiceAccount{}) {
		return ""
	}
	return s.Namespace + "/" + s.Name
}

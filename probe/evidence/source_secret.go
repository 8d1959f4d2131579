package evidence

import (
	"context"
	"fmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// SourceSecret is a Secret in the cluster that the exporter runs in, read by name on every
// run.
const SourceSecret SourceName = "secret"

var secretSource = Source{
	Name: SourceSecret, Key: "SECRET", Home: true, External: true,
	Obtain: func(ctx context.Context, tokens Tokens, o Origin) (Token, error) {
		return tokens.FromSecret(ctx, o.Secret)
	},
	Value:    func(o Origin) string { return o.Secret.String() },
	Describe: func(o Origin) string { return "in the Secret " + o.Secret.String() },
	Inspect: func(o Origin, _ Pod) (command, shows string) {
		return describeObject(o.Secret.Namespace, KindSecret, o.Secret.Name, o.Secret.Key)
	},
	Export: func(o Origin, _ Claims, _ Pod) (value string, commands []string) {
		return secretToFile(shell.Quote(o.Secret.Namespace), shell.Quote(o.Secret.Name), o.Secret.Key)
	},
	Renewed: func(o Origin, _ Pod) string {
		return "Then put the same token into the Secret " + o.Secret.String() + "."
	},
	Permission: func(o Origin) Permission {
		return Permission{Verb: "get", Resource: "secrets", Namespace: o.Secret.Namespace, ResourceName: o.Secret.Name}
	},
}

// secretToFile returns the command that reads a token from a Secret. Namespace and name are
// quoted.
func secretToFile(namespace, name, key string) (value string, commands []string) {
	return exportedToken, []string{fmt.Sprintf(`kubectl -n %s get secret %s -o go-template='{{index .data "%s" | base64decode}}' > reviewer-token`, namespace, name, key)}
}

// exportedToken is the value for vault write of the file that the commands of
// [Source].Export write.
const exportedToken = "@reviewer-token"

// SecretKey identifies one key of a Secret.
type SecretKey struct{ Namespace, Name, Key string }

// String returns namespace/name/key; empty for the zero SecretKey.
func (s SecretKey) String() string {
	if s == (SecretKey{}) {
		return ""
	}
	return s.Namespace + "/" + s.Name + "/" + s.Key
}

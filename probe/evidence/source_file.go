package evidence

import (
	"context"
	"fmt"
	"path"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// SourceFile is a token file, read again on every run.
const SourceFile SourceName = "file"

var fileSource = Source{
	Name: SourceFile, Key: "TOKEN_FILE", ForCanary: true, External: true,
	Obtain:     func(_ context.Context, tokens Tokens, o Origin) (Token, error) { return tokens.FromFile(o.TokenFile) },
	Value:      func(o Origin) string { return o.TokenFile },
	Describe:   func(o Origin) string { return "in " + o.TokenFile },
	Inspect:    func(o Origin, p Pod) (command, shows string) { return p.Inspect(o.TokenFile) },
	Export:     exportFile,
	Renewed:    renewFile,
	Permission: func(Origin) Permission { return Permission{} },
}

func renewFile(o Origin, p Pod) string {
	if v, known := p.volumeOf(o.TokenFile); known {
		return fmt.Sprintf("Then put the same token into the %s %s/%s, key %s.", kindNames[v.Kind], v.Namespace, v.Name, path.Base(o.TokenFile))
	}
	return "Then put the same token where " + o.TokenFile + " comes from."
}

// exportFile gets a token of the same service account from the cluster, because the file is
// in the exporter's pod. A token in a Secret does not expire and is read from there; for a
// token that names no service account there is only the file, or the object behind it.
func exportFile(o Origin, c Claims, p Pod) (value string, commands []string) {
	switch {
	case c.Namespace == "" || c.ServiceAccount == "":
		if command, known := p.Read(o.TokenFile); known {
			return exportedToken, []string{command + " > reviewer-token"}
		}
		return "@" + QuoteFile(o.TokenFile), nil
	case c.Secret != "":
		return secretToFile(shell.QuoteUntrusted(c.Namespace, "namespace"), shell.QuoteUntrusted(c.Secret, "secret"), "token")
	}
	return LastingToken(shell.QuoteUntrusted(c.Namespace, "namespace"), shell.QuoteUntrusted(c.ServiceAccount, "service-account"))
}

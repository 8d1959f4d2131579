package evidence

import (
	"context"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// SourceFile is a token file, read again on every run.
const SourceFile SourceName = "file"

var fileSource = Source{
	Name: SourceFile, Key: "TOKEN_FILE", ForCanary: true, External: true,
	Obtain:     func(_ context.Context, tokens Tokens, o Origin) (Token, error) { return tokens.FromFile(o.TokenFile) },
	Value:      func(o Origin) string { return o.TokenFile },
	Describe:   func(o Origin) string { return "in " + o.TokenFile },
	Inspect:    func(o Origin) string { return "ls -l " + shell.Quote(o.TokenFile) },
	Export:     func(o Origin) (value, command string) { return "@" + shell.Quote(o.TokenFile), "" },
	Renewed:    func(o Origin) string { return "Then put the same token where " + o.TokenFile + " comes from." },
	Permission: func(Origin) Permission { return Permission{} },
}

package diagnose

import (
	"path"
	"regexp"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// listNamespace returns the check for a namespace that does not exist: a list of those in its
// parent.
func listNamespace(t evidence.Target) Check {
	parent, name := path.Split(strings.Trim(t.Vault.Namespace, "/"))
	return Check{
		vault("namespace", "list", "-namespace="+shell.Quote(strings.TrimSuffix(parent, "/"))),
		"no " + shell.QuoteUntrusted(name+"/", "namespace"),
	}
}

// lockedNamespace matches the namespace that Vault reports as locked, which may be a parent
// of the target's.
var lockedNamespace = regexp.MustCompile(`"([^"]+?)/?" must be unlocked`)

// adviseNamespace returns the advice to unlock a namespace or, with OpenBao, to unseal it.
func adviseNamespace(t evidence.Target, e evidence.Evidence) Advice {
	if evidence.Contains(e.Login.Failure.Text, "namespace is sealed") {
		parent, name := path.Split(t.Vault.Namespace)
		return Advice{
			Notes: []string{"OpenBao unseals a namespace from its parent. Without sudo on sys/namespaces add -unlock-key. A sealed parent has to be unsealed first."},
			Fix:   []string{"bao namespace unseal -namespace=" + shell.Quote(path.Clean("/" + parent)[1:]) + " " + shell.QuoteUntrusted(name, "namespace")},
		}
	}
	namespace := shell.QuoteUntrusted(t.Vault.Namespace, "namespace")
	if named := lockedNamespace.FindStringSubmatch(e.Login.Failure.Text); named != nil {
		namespace = shell.QuoteUntrusted(named[1], "namespace")
	}
	return Advice{
		Notes: []string{"Ask who locked the namespace before you unlock it. With a root token -unlock-key is not needed."},
		Fix:   []string{vault("namespace", "unlock", "-namespace=", "-unlock-key=<unlock-key>", namespace)},
	}
}

package diagnose

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// subject is to whom a role is bound. Its texts are quoted for a shell, or have a placeholder.
type subject struct {
	name   string // of an account as namespace:name
	flag   string // of kubectl create clusterrolebinding
	listed string // as kubectl shows it in a list of bindings
}

// accountSubject is a service account; who is quoted, or a placeholder.
func accountSubject(who string) subject {
	return subject{who, "--serviceaccount=" + who, strings.Replace(who, ":", "/", 1)}
}

// reviewerSubject is the reviewer by its username, a placeholder if that is not known. It is not always
// a service account: a token of an identity provider, or of a proxy in front of the API server, is that
// of another user. Nothing is ever granted to who sends no token.
func reviewerSubject(username string) subject {
	if account, ok := evidence.AccountOf(username); ok {
		return accountSubject(shell.QuoteUntrusted(account.Namespace+":"+account.Name, "namespace:reviewer"))
	}
	if username == "" || username == evidence.Anonymous {
		return accountSubject("<namespace:reviewer>")
	}
	user := shell.QuoteUntrusted(username, "reviewer")
	return subject{user, "--user=" + user, user}
}

// grantToReviewer permits Vault's reviewer to get these objects in every namespace. The
// reviewer is the user that the API server named when it refused, in Vault's words.
func grantToReviewer(e evidence.Evidence, resource string) Advice {
	user := cmp.Or(evidence.NamedUser(e.Login.Failure.Text), reviewerUser(e))
	if user == evidence.Anonymous {
		return Advice{Notes: []string{"Vault's request reached the API server without a token, as " + evidence.Anonymous + ", who must not get the permission. " +
			"Give the mount a reviewer token, and let no proxy in front of the API server remove the Authorization header."}}
	}
	a := grant(evidence.Permission{Verb: "get", Resource: resource}, reviewerSubject(user))
	a.Check = []Check{{"kubectl auth can-i get " + resource + " --all-namespaces --as=" + shell.QuoteUntrusted(user, "reviewer"), "the answer no"}}
	return a
}

// grant returns the commands that grant a permission. Role and binding are named after both: the
// usual names may be taken.
func grant(p evidence.Permission, who subject) Advice {
	name := grantName(p, who)
	if p.Namespace == "" {
		return Advice{Fix: []string{
			fmt.Sprintf("kubectl create clusterrole %s --verb=%s --resource=%s", name, p.Verb, p.Resource),
			fmt.Sprintf("kubectl create clusterrolebinding %s --clusterrole=%s %s", name, name, who.flag),
		}}
	}
	namespace := shell.Quote(p.Namespace)
	return Advice{Fix: []string{
		fmt.Sprintf("kubectl -n %s create role %s --verb=%s --resource=%s --resource-name=%s", namespace, name, p.Verb, p.Resource, shell.Quote(p.ResourceName)),
		fmt.Sprintf("kubectl -n %s create rolebinding %s --role=%s %s", namespace, name, name, who.flag),
	}}
}

// stem is the subject's name as a part of the name of a role, such as monitoring-exporter. Those have no
// slash.
func (s subject) stem() string {
	return strings.NewReplacer(":", "-", "/", "-").Replace(strings.Trim(s.name, "'"))
}

// grantName returns a name such as monitoring-exporter-canary-token.
func grantName(p evidence.Permission, who subject) string {
	owner := strings.Trim(who.stem(), "<>")
	if p.ResourceName != "" {
		owner += "-" + p.ResourceName
	}
	return shell.Quote(owner + "-" + roleSuffix[p.Resource])
}

// roleSuffix maps a resource to the suffix of the name of the role that permits it.
var roleSuffix = map[string]string{
	"secrets": "reader", "serviceaccounts/token": "token", "serviceaccounts": "serviceaccount-reader", "namespaces": "namespace-reader",
	"subjectaccessreviews.authorization.k8s.io": "subjectaccessreviews", "tokenreviews.authentication.k8s.io": "tokenreviews",
}

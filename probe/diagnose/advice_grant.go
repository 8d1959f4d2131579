package diagnose

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// grantToReviewer permits Vault's reviewer to get these objects in every namespace. The
// reviewer is the user that the API server named when it refused, in Vault's words.
func grantToReviewer(e evidence.Evidence, resource string) Advice {
	user := cmp.Or(evidence.NamedUser(e.Login.Failure.Text), reviewerUser(e))
	a := grant(evidence.Permission{Verb: "get", Resource: resource},
		shell.QuoteUntrusted(strings.TrimPrefix(user, "system:serviceaccount:"), "namespace:reviewer"))
	a.Check = []Check{{"kubectl auth can-i get " + resource + " --all-namespaces --as=" + shell.QuoteUntrusted(user, "reviewer"), "the answer no"}}
	return a
}

// grant returns the commands that grant a permission to a service account. Role and binding are named after both: the
// usual names may be taken.
func grant(p evidence.Permission, who string) Advice {
	name := grantName(p, who)
	if p.Namespace == "" {
		return Advice{Fix: []string{
			fmt.Sprintf("kubectl create clusterrole %s --verb=%s --resource=%s", name, p.Verb, p.Resource),
			fmt.Sprintf("kubectl create clusterrolebinding %s --clusterrole=%s --serviceaccount=%s", name, name, who),
		}}
	}
	namespace := shell.Quote(p.Namespace)
	return Advice{Fix: []string{
		fmt.Sprintf("kubectl -n %s create role %s --verb=%s --resource=%s --resource-name=%s", namespace, name, p.Verb, p.Resource, shell.Quote(p.ResourceName)),
		fmt.Sprintf("kubectl -n %s create rolebinding %s --role=%s --serviceaccount=%s", namespace, name, name, who),
	}}
}

// grantName returns a name such as monitoring-exporter-canary-token. who is quoted, or a
// placeholder.
func grantName(p evidence.Permission, who string) string {
	subject := strings.ReplaceAll(strings.Trim(who, "'<>"), ":", "-")
	if p.ResourceName != "" {
		subject += "-" + p.ResourceName
	}
	return shell.Quote(subject + "-" + roleSuffix[p.Resource])
}

// roleSuffix maps a resource to the suffix of the name of the role that permits it.
var roleSuffix = map[string]string{
	"secrets": "reader", "serviceaccounts/token": "token", "serviceaccounts": "serviceaccount-reader", "namespaces": "namespace-reader",
	"subjectaccessreviews.authorization.k8s.io": "subjectaccessreviews", "tokenreviews.authentication.k8s.io": "tokenreviews",
}

package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// harm is a kind of permission with which the holder of a reviewer's token could do harm.
type harm struct {
	verbs     []string
	group     string
	resources []string
}

// harms are ordered, the worst first. What every authenticated account has in some distribution
// of Kubernetes is not among them, nor what some mounts need of their reviewer: to get
// namespaces and service accounts, and what Vault's own service account has to label its pods.
var harms = []harm{
	{[]string{"get", "list", "watch"}, "", []string{"secrets"}},
	{[]string{"escalate", "bind"}, rbacGroup, []string{"clusterroles", "roles"}},
	{[]string{"impersonate"}, "", []string{"users", "groups", "serviceaccounts"}},
	{[]string{"create"}, "", []string{"serviceaccounts/token"}},
	{[]string{"create", "get"}, "", []string{"pods/exec", "pods/attach"}},
	{[]string{"update", "patch"}, "", []string{"pods/ephemeralcontainers"}},
	{[]string{"create", "get"}, "", []string{"nodes/proxy"}},
	{[]string{"create", "update", "patch"}, rbacGroup, []string{"clusterrolebindings", "rolebindings", "clusterroles", "roles"}},
	{[]string{"create", "update", "patch"}, "admissionregistration.k8s.io", []string{"mutatingwebhookconfigurations", "validatingwebhookconfigurations"}},
	{[]string{"update", "patch"}, "certificates.k8s.io", []string{"certificatesigningrequests/approval"}},
	{[]string{"create"}, "", []string{"pods"}},
	{[]string{"create", "update", "patch"}, "apps", []string{"daemonsets", "deployments", "replicasets", "statefulsets"}},
	{[]string{"create", "update", "patch"}, "batch", []string{"cronjobs", "jobs"}},
	{[]string{"create", "update", "patch", "delete"}, "", []string{"secrets"}},
	{[]string{"get", "list", "watch"}, "", []string{"configmaps", "pods/log"}},
}

const rbacGroup = "rbac.authorization.k8s.io"

// worstPermission returns the worst of the harms that the rules permit, as a phrase to follow
// may; empty if they permit none.
func worstPermission(rules []evidence.Rule) string {
	isEverything := func(r evidence.Rule) bool {
		return slices.Contains(r.Verbs, "*") && slices.Contains(r.Groups, "*") && slices.Contains(r.Resources, "*")
	}
	if slices.ContainsFunc(rules, isEverything) {
		return "do everything to everything"
	}
	for _, h := range harms {
		for _, resource := range h.resources {
			for _, verb := range h.verbs {
				if slices.ContainsFunc(rules, func(r evidence.Rule) bool { return r.Permits(verb, h.group, resource) }) {
					return verb + " " + resource
				}
			}
		}
	}
	return ""
}

// judgeOverprivileged does not say that a reviewer is not overprivileged if an authorizer did
// not list its rules.
func judgeOverprivileged(_ evidence.Target, e evidence.Evidence) (finding, bool) {
	p := e.Privileges.Value
	worst := worstPermission(p.Rules)
	if worst == "" {
		return finding{}, e.Privileges.Ok() && !p.Incomplete
	}
	may := fmt.Sprintf("%s may %s, at least in the namespace %s", reviewerName(e), worst, evidence.Clean(p.Namespace))
	if seenAsAnother(e) {
		note := identityOfProxy(shell.QuoteUntrusted(reviewerUser(e), "reviewer"))
		return finding{holds: true, detail: "the API server sees the reviewer as " + may, advice: Advice{Notes: []string{note}}}, e.Privileges.Ok()
	}
	return finding{holds: true, detail: "the reviewer " + may + ", and Vault holds its token", advice: adviseNarrowReviewer(e)}, e.Privileges.Ok()
}

// adviseNarrowReviewer swaps the reviewer's bindings without an outage: the narrow one comes
// first. Which one is too wide is not seen with the reviewer's token.
func adviseNarrowReviewer(e evidence.Evidence) Advice {
	who := reviewerSubject(reviewerUser(e))
	permission := evidence.Permission{Verb: "create", Resource: "tokenreviews.authentication.k8s.io"}
	a := grant(permission, who)
	a.Fix = append(a.Fix, "kubectl delete clusterrolebinding <binding>")
	a.Check = []Check{{
		"kubectl get clusterrolebindings,rolebindings -A -o wide | grep -Fw " + who.listed,
		"a role other than " + grantName(permission, who) + " or system:auth-delegator",
	}}
	a.Notes = []string{
		"A reviewer needs to create TokenReviews and nothing else. The ClusterRole system:auth-delegator is narrow enough: it also permits SubjectAccessReviews, " +
			"with which the exporter asks what Vault's reviewer may do.",
		"The fix grants that first, so no login fails in between. <binding> is what the check shows. A RoleBinding is deleted with kubectl -n <namespace> delete rolebinding; " +
			"of a binding that has other subjects, remove only this one. A binding of a group may permit it as well: system:serviceaccounts, that of the reviewer's namespace, or one of an identity provider.",
		"Keep what the mount uses: get namespaces for roles with a namespace selector, get serviceaccounts for use_annotations_as_alias_metadata. " +
			"If the reviewer is Vault's own service account, which may need more, give the mount another reviewer.",
	}
	return a
}

// judgePolicyTooWide looks at the paths that every Vault has.
func judgePolicyTooWide(t evidence.Target, e evidence.Evidence) (finding, bool) {
	for _, c := range e.Capabilities.Value {
		excess := slices.Clone(c.Allowed)
		if c.Path == mountPath(t)+"/config" || c.Path == rolePath(t) {
			excess = slices.DeleteFunc(excess, func(capability string) bool { return capability == "read" })
		}
		if len(excess) == 0 {
			continue
		}
		return finding{
			holds: true,
			detail: fmt.Sprintf("the token that a login with the role %s returns has the capabilities %s at %s",
				t.Vault.Role, evidence.Clean(strings.Join(excess, ", ")), c.Path),
			advice: adviseNarrowRole(t),
		}, true
	}
	return finding{}, e.Capabilities.Ok()
}

// adviseNarrowRole keeps the policies that the documentation gives the canary: default, which
// permits revoke-self, and the one that reads the mount's config and the role.
func adviseNarrowRole(t evidence.Target) Advice {
	return Advice{
		Notes: []string{
			"The canary needs the policy default and, if it reads the mount's config and role, one for that, whose name begins with vault-k8s-auth-exporter in the documentation. " +
				"The fix keeps these. If the role has no others, one of them is too wide, or the canary's identity entity or its groups have more.",
			"If workloads log in with the role too, do not run the fix: give the canary a role of its own.",
		},
		Check: []Check{readRole(t, "a policy in token_policies other than default and vault-k8s-auth-exporter")},
		Fix:   changeRole(t, `token_policies: [.token_policies[]? | select(. == "default" or startswith("vault-k8s-auth-exporter"))]`),
	}
}

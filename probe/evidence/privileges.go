package evidence

import (
	"slices"
	"strings"
)

// Privileges are the permissions on resources that the API server lists for the reviewer.
type Privileges struct {
	// Rules are those of the whole cluster and those of Namespace, which are not told apart.
	Rules     []Rule
	Namespace string
	// Incomplete is set if some authorizer does not list its rules, so that more may be allowed.
	// Rules then has the permissions that were asked for one by one.
	Incomplete bool
}

// Rule permits each of its verbs on each of its resources, with * for any. Rules for single
// named objects are left out.
type Rule struct{ Verbs, Groups, Resources []string }

// Permits reports whether the rule permits a verb on a resource of an API group, which is empty
// for the core group. The resource may have a subresource, as in pods/exec.
func (r Rule) Permits(verb, group, resource string) bool {
	_, subresource, _ := strings.Cut(resource, "/")
	return has(r.Verbs, verb) && has(r.Groups, group) &&
		(has(r.Resources, resource) || subresource != "" && slices.Contains(r.Resources, "*/"+subresource))
}

func has(list []string, wanted string) bool {
	return slices.Contains(list, wanted) || slices.Contains(list, "*")
}

// Capabilities are what a Vault token may do at a path; deny is left out.
type Capabilities struct {
	Path    string
	Allowed []string
}

// GuardedPaths lists the paths at which the canary's token should have no capability but to read
// the mount's config and the role. Every Vault has them. Those are first at which a token can
// give itself more, or at which it can end the service for all.
func GuardedPaths(v Vault) []string {
	return []string{
		"sys/raw/" + ProbeRole, "sys/policies/acl/" + ProbeRole, "auth/token/create", "sys/auth/" + ProbeRole,
		"auth/" + v.Mount + "/config", "auth/" + v.Mount + "/role/" + v.Role, "identity/entity",
		"sys/seal", "sys/mounts/" + ProbeRole, "sys/policies/acl", "sys/auth", "sys/mounts",
	}
}

package probetest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// request is an operation that a caller requests.
type request struct{ verb, group, resource, subresource, namespace, name string }

func (q request) permission() string { return q.verb + " " + q.full() }

func (q request) full() string {
	if q.subresource != "" {
		return q.resource + "/" + q.subresource
	}
	return q.resource
}

// permit reports whether a user may perform a request. If not, it responds with RBAC's
// error.
func (k *Kubernetes) permit(w http.ResponseWriter, user string, q request) bool {
	if k.may(q.permission(), append(groupsOf(user), user)...) {
		return true
	}
	object, where := q.resource, "at the cluster scope"
	if q.group != "" {
		object += "." + q.group
	}
	if q.name != "" {
		object += fmt.Sprintf(" %q", q.name)
	}
	if q.namespace != "" {
		where = fmt.Sprintf("in the namespace %q", q.namespace)
	}
	writeStatus(w, 403, "Forbidden", fmt.Sprintf("%s is forbidden: User %q cannot %s resource %q in API group %q %s%s",
		object, user, q.verb, q.full(), q.group, where, k.dangling(user)))
	return false
}

func (k *Kubernetes) dangling(user string) string {
	if role := k.Dangling[user]; role != "" {
		return fmt.Sprintf(": RBAC: clusterrole.rbac.authorization.k8s.io %q not found", role)
	}
	return ""
}

func (k *Kubernetes) may(permission string, whom ...string) bool {
	return slices.ContainsFunc(whom, func(name string) bool {
		return slices.Contains(k.Grants[name], permission) || slices.Contains(k.Grants[name], "* *")
	})
}

func groupsOf(user string) []string {
	groups := []string{"system:authenticated"}
	if name, ok := strings.CutPrefix(user, "system:serviceaccount:"); ok {
		namespace, _, _ := strings.Cut(name, ":")
		groups = append(groups, "system:serviceaccounts", "system:serviceaccounts:"+namespace)
	}
	return groups
}

// accessQuestion is the body of a SelfSubjectAccessReview or a SubjectAccessReview.
type accessQuestion struct {
	Spec struct {
		User               string
		Groups             []string
		ResourceAttributes struct{ Verb, Resource string }
	}
}

func (k *Kubernetes) selfAccess(w http.ResponseWriter, r *http.Request, user string) {
	var question accessQuestion
	if readJSON(w, r, &question) {
		question.Spec.User, question.Spec.Groups = user, groupsOf(user)
		k.answerAccess(w, "SelfSubjectAccessReview", question)
	}
}

// access responds to a SubjectAccessReview about another user, considering only the groups
// that the review names.
func (k *Kubernetes) access(w http.ResponseWriter, r *http.Request, user string) {
	var question accessQuestion
	if k.permit(w, user, request{verb: "create", group: "authorization.k8s.io", resource: "subjectaccessreviews"}) && readJSON(w, r, &question) {
		k.answerAccess(w, "SubjectAccessReview", question)
	}
}

func (k *Kubernetes) answerAccess(w http.ResponseWriter, kind string, question accessQuestion) {
	of, wanted := question.Spec, question.Spec.ResourceAttributes
	answer := map[string]any{"allowed": k.may(wanted.Verb+" "+wanted.Resource, append(of.Groups, of.User)...)}
	if answer["allowed"] == true && !slices.Contains(k.Grants[of.User], "* *") {
		answer["reason"] = `RBAC: allowed by ClusterRoleBinding "vault-auth-delegator" of ClusterRole "system:auth-delegator"`
	}
	if role := k.dangling(of.User); role != "" {
		answer["evaluationError"] = strings.TrimPrefix(role, ": RBAC: ")
	}
	writeObject(w, "authorization.k8s.io/v1", kind, answer)
}

// selfRules lists the caller's grants as rules, with those that every authenticated user has.
func (k *Kubernetes) selfRules(w http.ResponseWriter, _ *http.Request, user string) {
	rules := []map[string]any{{"verbs": []string{"create"}, "apiGroups": []string{"authorization.k8s.io"}, "resources": []string{"selfsubjectaccessreviews", "selfsubjectrulesreviews"}}}
	for _, name := range append(groupsOf(user), user) {
		for _, grant := range k.Grants[name] {
			verb, resource, _ := strings.Cut(grant, " ")
			if k.Webhook || strings.Contains(resource, " ") {
				continue
			}
			rules = append(rules, map[string]any{"verbs": []string{verb}, "apiGroups": []string{groupOf[resource]}, "resources": []string{resource}})
		}
	}
	writeObject(w, "authorization.k8s.io/v1", "SelfSubjectRulesReview", map[string]any{"resourceRules": rules, "nonResourceRules": []any{}, "incomplete": k.Webhook})
}

// groupOf is the API group of the resources in grants, "" for the core group.
var groupOf = map[string]string{"*": "*", "tokenreviews": "authentication.k8s.io", "subjectaccessreviews": "authorization.k8s.io"}

// authDelegator lists the permissions of the ClusterRole system:auth-delegator.
var authDelegator = []string{"create tokenreviews", "create subjectaccessreviews"}

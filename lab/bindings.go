package lab

import (
	"context"
	"fmt"
	"net/http"
)

const (
	rbacPath         = "/apis/rbac.authorization.k8s.io/v1/"
	tokenReviewsPath = "/apis/authentication.k8s.io/v1/tokenreviews"
)

// A binding binds an account to a ClusterRole: in the whole cluster, or in one namespace if that is set.
type binding struct {
	name, namespace, role string
	account               account
	// A permission that this binding alone grants. The lab polls for it to see that the API server has noticed a
	// change. Empty: the lab does not wait.
	grants access
}

// ClusterRoles of the lab.
const (
	namespaceReaderRole = "lab-namespaces" // may get namespaces, nothing else
	secretReaderRole    = "lab-secrets"    // may read Secrets, nothing else
	minterRole          = "lab-minter"     // may create tokens of service accounts, nothing else
)

type access struct{ group, resource, subresource, verb string }

var (
	createTokenReviews = access{group: "authentication.k8s.io", resource: "tokenreviews", verb: "create"}
	createTokens       = access{resource: "serviceaccounts", subresource: "token", verb: "create"}
	listSecrets        = access{resource: "secrets", verb: "list"}
	getNamespaces      = access{resource: "namespaces", verb: "get"}
)

var (
	reviewerBinding        = binding{name: "vault-auth-delegator", role: "system:auth-delegator", account: reviewerAccount, grants: createTokenReviews}
	canaryBinding          = binding{name: "lab-canary", role: "system:auth-delegator", account: canaryAccount, grants: createTokenReviews}
	reviewerMinterBinding  = binding{name: "lab-minter", namespace: reviewerAccount.namespace, role: minterRole, account: exporterAccount, grants: createTokens}
	canaryMinterBinding    = binding{name: "lab-minter", namespace: canaryAccount.namespace, role: minterRole, account: exporterAccount, grants: createTokens}
	exporterBinding        = binding{name: "vault-k8s-auth-exporter", role: "system:auth-delegator", account: exporterAccount, grants: createTokenReviews}
	adminBinding           = binding{name: "vault-auth-admin", role: "cluster-admin", account: reviewerAccount, grants: listSecrets}
	secretReaderBinding    = binding{name: "vault-auth-secrets", role: secretReaderRole, account: reviewerAccount, grants: listSecrets}
	namespaceReaderBinding = binding{name: "lab-namespaces", role: namespaceReaderRole, account: reviewerAccount, grants: getNamespaces}
)

// faultBindings are those that faults and variants make.
var faultBindings = []binding{
	reviewerBinding, reviewerBinding.inNamespace(reviewerAccount.namespace), canaryBinding, reviewerMinterBinding, canaryMinterBinding,
	adminBinding, secretReaderBinding, namespaceReaderBinding,
}

// withRole binds another role instead. It grants nothing that the lab waits for.
func (b binding) withRole(role string) binding {
	b.role, b.grants = role, access{}
	return b
}

// inNamespace is a RoleBinding instead of a ClusterRoleBinding. It grants nothing that the lab waits for: no object of a
// namespace.
func (b binding) inNamespace(namespace string) binding {
	b.namespace, b.grants = namespace, access{}
	return b
}

func (b binding) path() string {
	if b.namespace != "" {
		return rbacPath + "namespaces/" + b.namespace + "/rolebindings"
	}
	return rbacPath + "clusterrolebindings"
}

// bind creates the binding, or keeps an existing one of that name, and returns when the access it grants is in effect.
func (c *cluster) bind(ctx context.Context, b binding) error {
	err := c.post(ctx, b.path(), fields{
		"metadata": fields{"name": b.name},
		"roleRef":  fields{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": b.role},
		"subjects": []fields{b.account.subject()},
	}, nil)
	if err := ignoreStatus(err, http.StatusConflict, "AlreadyExists"); err != nil {
		return err
	}
	return c.untilAccess(ctx, b, true)
}

// unbind deletes the binding, and returns when the access it granted is gone.
func (c *cluster) unbind(ctx context.Context, b binding) error {
	if err := c.remove(ctx, b.path()+"/"+b.name); err != nil {
		return err
	}
	return c.untilAccess(ctx, b, false)
}

// untilAccess waits until the API server, which watches bindings, answers a SubjectAccessReview as expected.
func (c *cluster) untilAccess(ctx context.Context, b binding, allowed bool) error {
	if b.grants == (access{}) {
		return nil
	}
	review := fields{"spec": fields{
		"user":   b.account.username(),
		"groups": b.account.groups(),
		"resourceAttributes": fields{
			"group": b.grants.group, "resource": b.grants.resource, "subresource": b.grants.subresource, "verb": b.grants.verb, "namespace": b.namespace,
		},
	}}
	return poll(ctx, func(ctx context.Context) error {
		var answer struct {
			Status struct {
				Allowed bool `json:"allowed"`
			} `json:"status"`
		}
		if err := c.post(ctx, "/apis/authorization.k8s.io/v1/subjectaccessreviews", review, &answer); err != nil {
			return err
		}
		if answer.Status.Allowed != allowed {
			return fmt.Errorf("reviewing the access of %s: allowed is %t", b.account.username(), answer.Status.Allowed)
		}
		return nil
	})
}

func bindRole(b binding) change {
	return func(ctx context.Context, l *Lab) error { return l.cluster.bind(ctx, b) }
}

func unbindRole(b binding) change {
	return func(ctx context.Context, l *Lab) error { return l.cluster.unbind(ctx, b) }
}

var bindReviewer = bindRole(reviewerBinding)

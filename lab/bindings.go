package lab

import (
	"context"
	"fmt"
	"net/http"
)

const (
	rbac    = "/apis/rbac.authorization.k8s.io/v1/"
	reviews = "/apis/authentication.k8s.io/v1/tokenreviews"
)

// A binding gives a role to an account: in the whole cluster, or in one namespace.
type binding struct {
	name, namespace, role string
	account               account
	// What the account may do while it is bound, by which the lab sees that the API server knows of a change.
	gives access
}

// ClusterRoles of the lab: one may get namespaces, one may mint tokens of service accounts, and neither anything else.
const (
	namespaceReader = "lab-namespaces"
	minter          = "lab-minter"
)

type access struct{ group, resource, verb string }

var reviewing = access{"authentication.k8s.io", "tokenreviews", "create"}

var (
	reviewerBinding  = binding{name: "vault-auth-delegator", role: "system:auth-delegator", account: reviewerAccount, gives: reviewing}
	canaryBinding    = binding{name: "lab-canary", role: "system:auth-delegator", account: canaryAccount, gives: reviewing}
	mintingReviewer  = binding{name: "lab-minter", role: minter, account: exporterAccount}.within(reviewerAccount.namespace)
	mintingCanary    = binding{name: "lab-minter", role: minter, account: exporterAccount}.within(canaryAccount.namespace)
	exporterBinding  = binding{name: "vault-k8s-auth-exporter", role: "system:auth-delegator", account: exporterAccount, gives: reviewing}
	adminBinding     = binding{name: "vault-auth-admin", role: "cluster-admin", account: reviewerAccount, gives: access{"", "secrets", "list"}}
	namespaceReading = binding{name: "lab-namespaces", role: namespaceReader, account: reviewerAccount, gives: access{"", "namespaces", "get"}}
)

// to is the binding to another role, which gives nothing.
func (b binding) to(role string) binding {
	b.role, b.gives = role, access{}
	return b
}

// within is the binding in a namespace alone, which gives nothing in the cluster.
func (b binding) within(namespace string) binding {
	b.namespace, b.gives = namespace, access{}
	return b
}

func (b binding) path() string {
	if b.namespace != "" {
		return rbac + "namespaces/" + b.namespace + "/rolebindings"
	}
	return rbac + "clusterrolebindings"
}

// bind makes the binding, or leaves one of that name, and returns when it gives what it does.
func (c *cluster) bind(ctx context.Context, b binding) error {
	err := c.post(ctx, b.path(), fields{
		"metadata": fields{"name": b.name},
		"roleRef":  fields{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": b.role},
		"subjects": []fields{b.account.subject()},
	}, nil)
	if err := unless(err, http.StatusConflict, "AlreadyExists"); err != nil {
		return err
	}
	return c.untilAccess(ctx, b, true)
}

// unbind takes it away, and returns when it is gone.
func (c *cluster) unbind(ctx context.Context, b binding) error {
	if err := c.remove(ctx, b.path()+"/"+b.name); err != nil {
		return err
	}
	return c.untilAccess(ctx, b, false)
}

// untilAccess waits until the API server, which learns of bindings from a watch, answers as expected.
func (c *cluster) untilAccess(ctx context.Context, b binding, allowed bool) error {
	if b.gives == (access{}) {
		return nil
	}
	review := fields{"spec": fields{
		"user":               b.account.user(),
		"groups":             b.account.groups(),
		"resourceAttributes": fields{"group": b.gives.group, "resource": b.gives.resource, "verb": b.gives.verb},
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
			return fmt.Errorf("reviewing the access of %s: allowed is %t", b.account.user(), answer.Status.Allowed)
		}
		return nil
	})
}

func madeBinding(b binding) change {
	return func(ctx context.Context, l *Lab) error { return l.cluster.bind(ctx, b) }
}

func unbound(b binding) change {
	return func(ctx context.Context, l *Lab) error { return l.cluster.unbind(ctx, b) }
}

var bindReviewer = madeBinding(reviewerBinding)

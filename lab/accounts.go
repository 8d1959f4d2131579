package lab

import (
	"context"
	"net/http"
)

// An account is a service account. Its healthy tokens have this audience.
type account struct{ namespace, name, audience string }

var (
	reviewerAccount = account{"vault", "vault-auth", issuer}
	canaryAccount   = account{"monitoring", "canary", "vault"}
	exporterAccount = account{"monitoring", "vault-k8s-auth-exporter", issuer} // the exporter's own identity
	nobodyAccount   = account{"monitoring", "nobody", issuer}                  // has no permissions
)

var labAccounts = []account{reviewerAccount, canaryAccount, exporterAccount, nobodyAccount}

func (a account) username() string { return "system:serviceaccount:" + a.namespace + ":" + a.name }

func (a account) groups() []string {
	return []string{"system:serviceaccounts", "system:serviceaccounts:" + a.namespace, "system:authenticated"}
}

// subject is the account as a subject of a RoleBinding or ClusterRoleBinding.
func (a account) subject() fields {
	return fields{"kind": "ServiceAccount", "namespace": a.namespace, "name": a.name}
}

// path is the API path of a resource, such as pods, in the account's namespace.
func (a account) path(kind string) string { return "/api/v1/namespaces/" + a.namespace + "/" + kind }

// object is the metadata that the lab reads of any Kubernetes object.
type object struct {
	Metadata struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
		UID       string `json:"uid"`
	} `json:"metadata"`
}

// create returns nil if the account exists already.
func (c *cluster) create(ctx context.Context, a account) error {
	err := c.post(ctx, a.path("serviceaccounts"), fields{"metadata": fields{"name": a.name}}, nil)
	return ignoreStatus(err, http.StatusConflict, "AlreadyExists")
}

// remove deletes the object at path. It returns nil if there is none.
func (c *cluster) remove(ctx context.Context, path string) error {
	return ignoreStatus(c.delete(ctx, path), http.StatusNotFound, "NotFound")
}

func deleteAccount(ctx context.Context, c *cluster, a account) error {
	return c.remove(ctx, a.path("serviceaccounts")+"/"+a.name)
}

func recreateAccount(ctx context.Context, c *cluster, a account) error {
	if err := deleteAccount(ctx, c, a); err != nil {
		return err
	}
	return c.create(ctx, a)
}

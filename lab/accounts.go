package lab

import (
	"context"
	"net/http"
)

// An account is a service account, with the audience that its healthy tokens are for.
type account struct{ namespace, name, audience string }

var (
	reviewerAccount = account{"vault", "vault-auth", issuer}
	canaryAccount   = account{"monitoring", "canary", "vault"}
	exporterAccount = account{"monitoring", "vault-k8s-auth-exporter", issuer} // the exporter's own identity
	nobodyAccount   = account{"monitoring", "nobody", issuer}                  // may do nothing
)

func (a account) username() string { return "system:serviceaccount:" + a.namespace + ":" + a.name }

func (a account) groups() []string {
	return []string{"system:serviceaccounts", "system:serviceaccounts:" + a.namespace, "system:authenticated"}
}

// subject is the account in a binding.
func (a account) subject() fields {
	return fields{"kind": "ServiceAccount", "namespace": a.namespace, "name": a.name}
}

// path is where its namespace has objects of a kind, such as pods.
func (a account) path(kind string) string { return "/api/v1/namespaces/" + a.namespace + "/" + kind }

// object is what the lab reads of the metadata of anything in Kubernetes.
type object struct {
	Metadata struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
		UID       string `json:"uid"`
	} `json:"metadata"`
}

// create makes the account, or leaves one that is there.
func (c *cluster) create(ctx context.Context, a account) error {
	err := c.post(ctx, a.path("serviceaccounts"), fields{"metadata": fields{"name": a.name}}, nil)
	return ignoreStatus(err, http.StatusConflict, "AlreadyExists")
}

// remove deletes an object, or does nothing if it is gone.
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

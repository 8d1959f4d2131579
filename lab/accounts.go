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

func (a account) user() string { return "system:serviceaccount:" + a.namespace + ":" + a.name }

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
	return unless(err, http.StatusConflict, "AlreadyExists")
}

// remove deletes an object, or does nothing if it is gone.
func (c *cluster) remove(ctx context.Context, path string) error {
	return unless(c.delete(ctx, path), http.StatusNotFound, "NotFound")
}

// A mint makes a token of an account.
type mint func(context.Context, *cluster, account) (string, error)

// healthy is a token as the account should have.
func healthy(ctx context.Context, c *cluster, a account) (string, error) {
	return requested(fields{"audiences": []string{a.audience}})(ctx, c, a)
}

// requested is a token of the API server.
func requested(spec fields) mint {
	return func(ctx context.Context, c *cluster, a account) (string, error) {
		var answer struct {
			Status struct {
				Token string `json:"token"`
			} `json:"status"`
		}
		spec := spec.with(fields{"expirationSeconds": int(tokenLife.Seconds())})
		err := c.post(ctx, a.path("serviceaccounts")+"/"+a.name+"/token", fields{"spec": spec}, &answer)
		return answer.Status.Token, err
	}
}

// forAudiences is a token of the API server for these alone.
func forAudiences(audiences ...string) mint { return requested(fields{"audiences": audiences}) }

// claiming is a token of the cluster's own key that the API server would not issue.
func claiming(changed func() fields) mint {
	return func(ctx context.Context, c *cluster, a account) (string, error) {
		return c.forge(ctx, a, c.signer, changed())
	}
}

// foreign is a token of a key that the cluster does not know.
func foreign(changed fields) mint {
	return func(ctx context.Context, c *cluster, a account) (string, error) {
		stranger, err := newSigner()
		if err != nil {
			return "", err
		}
		return c.forge(ctx, a, stranger, changed)
	}
}

// forge signs the claims of a healthy token but for what is changed.
func (c *cluster) forge(ctx context.Context, a account, s signer, changed fields) (string, error) {
	var stored object
	if err := c.get(ctx, a.path("serviceaccounts")+"/"+a.name, &stored); err != nil {
		return "", err
	}
	return s.sign(claimsOf(stored, a.audience).with(changed))
}

// verbatim is a text that is no token.
func verbatim(text string) mint {
	return func(context.Context, *cluster, account) (string, error) { return text, nil }
}

// quoted is a healthy token as a careless script leaves it.
func quoted(ctx context.Context, c *cluster, a account) (string, error) {
	token, err := healthy(ctx, c, a)
	return `"` + token + `"`, err
}

// bound is a token that lives as long as the pod or Secret of that name.
func bound(kind string) mint {
	return func(ctx context.Context, c *cluster, a account) (string, error) {
		path := a.boundPath(kind)
		if err := c.remove(ctx, path); err != nil {
			return "", err
		}
		var made object
		if err := c.post(ctx, a.path(plural[kind]), a.bindable(kind), &made); err != nil {
			return "", err
		}
		return requested(fields{
			"audiences":      []string{a.audience},
			"boundObjectRef": fields{"apiVersion": "v1", "kind": kind, "name": made.Metadata.Name, "uid": made.Metadata.UID},
		})(ctx, c, a)
	}
}

var plural = map[string]string{"Pod": "pods", "Secret": "secrets"}

func (a account) boundName() string { return a.name + "-bound" }

// boundPath deletes a pod at once: no kubelet waits for its grace.
func (a account) boundPath(kind string) string {
	return a.path(plural[kind]) + "/" + a.boundName() + "?gracePeriodSeconds=0"
}

// bindable is an object that a token can be bound to.
func (a account) bindable(kind string) fields {
	object := fields{"metadata": fields{"name": a.boundName()}}
	if kind == "Pod" {
		object["spec"] = fields{
			"serviceAccountName": a.name,
			"containers":         []fields{{"name": "vault", "image": "vault"}},
		}
	}
	return object
}

// legacy is a token of a Secret of type service-account-token, as the token controller makes it.
func legacy(ctx context.Context, c *cluster, a account) (string, error) {
	if err := c.remove(ctx, a.boundPath("Secret")); err != nil {
		return "", err
	}
	var stored object
	if err := c.get(ctx, a.path("serviceaccounts")+"/"+a.name, &stored); err != nil {
		return "", err
	}
	token, err := c.signer.sign(legacyClaims(stored, a.boundName()))
	if err != nil {
		return "", err
	}
	return token, c.post(ctx, a.path("secrets"), fields{
		"metadata": fields{
			"name":        a.boundName(),
			"annotations": fields{"kubernetes.io/service-account.name": a.name, "kubernetes.io/service-account.uid": stored.Metadata.UID},
		},
		"type":       "kubernetes.io/service-account-token",
		"stringData": fields{"token": token},
	}, nil)
}

// outlived is a token that was made by from and refused when what it hangs on was gone.
func outlived(from mint, end func(context.Context, *cluster, account) error) mint {
	return func(ctx context.Context, c *cluster, a account) (string, error) {
		token, err := from(ctx, c, a)
		if err != nil {
			return "", err
		}
		if err := end(ctx, c, a); err != nil {
			return "", err
		}
		return token, c.untilRefused(ctx, token, a.audience)
	}
}

func deleteBound(kind string) func(context.Context, *cluster, account) error {
	return func(ctx context.Context, c *cluster, a account) error { return c.remove(ctx, a.boundPath(kind)) }
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

package lab

import "context"

// A mint makes a token of an account.
type tokenFunc func(context.Context, *cluster, account) (string, error)

// healthy is a token as the account should have.
func healthyToken(ctx context.Context, c *cluster, a account) (string, error) {
	return requestedToken(fields{"audiences": []string{a.audience}})(ctx, c, a)
}

// requested is a token of the API server.
func requestedToken(spec fields) tokenFunc {
	return func(ctx context.Context, c *cluster, a account) (string, error) {
		var answer struct {
			Status struct {
				Token string `json:"token"`
			} `json:"status"`
		}
		spec := spec.with(fields{"expirationSeconds": int(tokenLifetime.Seconds())})
		err := c.post(ctx, a.path("serviceaccounts")+"/"+a.name+"/token", fields{"spec": spec}, &answer)
		return answer.Status.Token, err
	}
}

// forAudiences is a token of the API server for these alone.
func tokenForAudiences(audiences ...string) tokenFunc {
	return requestedToken(fields{"audiences": audiences})
}

// claiming is a token of the cluster's own key that the API server would not issue.
func forgedToken(changed func() fields) tokenFunc {
	return func(ctx context.Context, c *cluster, a account) (string, error) {
		return c.forge(ctx, a, c.signer, changed())
	}
}

// foreign is a token of a key that the cluster does not know.
func foreignToken(changed fields) tokenFunc {
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
func literalToken(text string) tokenFunc {
	return func(context.Context, *cluster, account) (string, error) { return text, nil }
}

// quoted is a healthy token as a careless script leaves it.
func quotedToken(ctx context.Context, c *cluster, a account) (string, error) {
	token, err := healthyToken(ctx, c, a)
	return `"` + token + `"`, err
}

// bound is a token that lives as long as the pod or Secret of that name.
func boundToken(kind string) tokenFunc {
	return func(ctx context.Context, c *cluster, a account) (string, error) {
		path := a.boundObjectPath(kind)
		if err := c.remove(ctx, path); err != nil {
			return "", err
		}
		var made object
		if err := c.post(ctx, a.path(plural[kind]), a.boundManifest(kind), &made); err != nil {
			return "", err
		}
		return requestedToken(fields{
			"audiences":      []string{a.audience},
			"boundObjectRef": fields{"apiVersion": "v1", "kind": kind, "name": made.Metadata.Name, "uid": made.Metadata.UID},
		})(ctx, c, a)
	}
}

var plural = map[string]string{"Pod": "pods", "Secret": "secrets"}

func (a account) boundObjectName() string { return a.name + "-bound" }

// boundPath deletes a pod at once: no kubelet waits for its grace.
func (a account) boundObjectPath(kind string) string {
	return a.path(plural[kind]) + "/" + a.boundObjectName() + "?gracePeriodSeconds=0"
}

// bindable is an object that a token can be bound to.
func (a account) boundManifest(kind string) fields {
	object := fields{"metadata": fields{"name": a.boundObjectName()}}
	if kind == "Pod" {
		object["spec"] = fields{
			"serviceAccountName": a.name,
			"containers":         []fields{{"name": "vault", "image": "vault"}},
		}
	}
	return object
}

// legacy is a token of a Secret of type service-account-token, as the token controller makes it.
func legacyToken(ctx context.Context, c *cluster, a account) (string, error) {
	if err := c.remove(ctx, a.boundObjectPath("Secret")); err != nil {
		return "", err
	}
	var stored object
	if err := c.get(ctx, a.path("serviceaccounts")+"/"+a.name, &stored); err != nil {
		return "", err
	}
	token, err := c.signer.sign(legacyClaims(stored, a.boundObjectName()))
	if err != nil {
		return "", err
	}
	return token, c.post(ctx, a.path("secrets"), fields{
		"metadata": fields{
			"name":        a.boundObjectName(),
			"annotations": fields{"kubernetes.io/service-account.name": a.name, "kubernetes.io/service-account.uid": stored.Metadata.UID},
		},
		"type":       "kubernetes.io/service-account-token",
		"stringData": fields{"token": token},
	}, nil)
}

// outlived is a token that was made by from and refused when what it hangs on was gone.
func revokedToken(from tokenFunc, end func(context.Context, *cluster, account) error) tokenFunc {
	return func(ctx context.Context, c *cluster, a account) (string, error) {
		token, err := from(ctx, c, a)
		if err != nil {
			return "", err
		}
		if err := end(ctx, c, a); err != nil {
			return "", err
		}
		return token, c.untilTokenRejected(ctx, token, a.audience)
	}
}

func deleteBoundObject(kind string) func(context.Context, *cluster, account) error {
	return func(ctx context.Context, c *cluster, a account) error { return c.remove(ctx, a.boundObjectPath(kind)) }
}

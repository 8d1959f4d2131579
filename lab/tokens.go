package lab

import "context"

// A tokenFunc makes a token for an account.
type tokenFunc func(context.Context, *cluster, account) (string, error)

// healthyToken asks the API server for a token with the account's audience.
func healthyToken(ctx context.Context, c *cluster, a account) (string, error) {
	return requestedToken(fields{"audiences": []string{a.audience}})(ctx, c, a)
}

// requestedToken asks the API server for a token, with the TokenRequest spec plus the lab's lifetime.
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

// tokenForAudiences asks the API server for a token with exactly these audiences.
func tokenForAudiences(audiences ...string) tokenFunc {
	return requestedToken(fields{"audiences": audiences})
}

// forgedToken signs a token with the cluster's own key. Its claims may be ones that the API server would not issue,
// such as an expiry in the past.
func forgedToken(changed func() fields) tokenFunc {
	return func(ctx context.Context, c *cluster, a account) (string, error) {
		return c.forge(ctx, a, c.signer, changed())
	}
}

// foreignToken signs a token with a key that the cluster does not know.
func foreignToken(changed fields) tokenFunc {
	return func(ctx context.Context, c *cluster, a account) (string, error) {
		otherSigner, err := newSigner()
		if err != nil {
			return "", err
		}
		return c.forge(ctx, a, otherSigner, changed)
	}
}

// forge signs the claims of a healthy token, with the changed ones replaced.
func (c *cluster) forge(ctx context.Context, a account, s signer, changed fields) (string, error) {
	var stored object
	if err := c.get(ctx, a.path("serviceaccounts")+"/"+a.name, &stored); err != nil {
		return "", err
	}
	return s.sign(claimsOf(stored, a.audience).with(changed))
}

// literalToken returns text, which need not be a JWT.
func literalToken(text string) tokenFunc {
	return func(context.Context, *cluster, account) (string, error) { return text, nil }
}

// quotedToken is a healthy token in double quotes, as a shell script can leave it in a file.
func quotedToken(ctx context.Context, c *cluster, a account) (string, error) {
	token, err := healthyToken(ctx, c, a)
	return `"` + token + `"`, err
}

// boundToken creates a pod or a Secret and returns a token bound to it: the token becomes invalid when the object is
// deleted.
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

// boundObjectPath asks for deletion without a grace period: there is no kubelet that would end the pod.
func (a account) boundObjectPath(kind string) string {
	return a.path(plural[kind]) + "/" + a.boundObjectName() + "?gracePeriodSeconds=0"
}

// boundManifest is the pod or Secret that a token is bound to.
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

// legacyToken stores a Secret of type kubernetes.io/service-account-token, with the token that the token controller
// would put there, and returns that token.
func legacyToken(ctx context.Context, c *cluster, a account) (string, error) {
	return labelledLegacyToken(nil)(ctx, c, a)
}

// labelledLegacyToken is legacyToken in a Secret with these labels.
func labelledLegacyToken(labels fields) tokenFunc {
	return func(ctx context.Context, c *cluster, a account) (string, error) {
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
				"labels":      labels,
				"annotations": fields{"kubernetes.io/service-account.name": a.name, "kubernetes.io/service-account.uid": stored.Metadata.UID},
			},
			"type":       "kubernetes.io/service-account-token",
			"stringData": fields{"token": token},
		}, nil)
	}
}

// revokedToken makes a token, revokes it, and returns it once the API server rejects it.
func revokedToken(newToken tokenFunc, revoke func(context.Context, *cluster, account) error) tokenFunc {
	return func(ctx context.Context, c *cluster, a account) (string, error) {
		token, err := newToken(ctx, c, a)
		if err != nil {
			return "", err
		}
		if err := revoke(ctx, c, a); err != nil {
			return "", err
		}
		return token, c.untilTokenRejected(ctx, token, a.audience)
	}
}

func deleteBoundObject(kind string) func(context.Context, *cluster, account) error {
	return func(ctx context.Context, c *cluster, a account) error { return c.remove(ctx, a.boundObjectPath(kind)) }
}

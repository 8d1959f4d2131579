package probetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
)

// IdentityProvider signs tokens of users with the key of another cluster.
type IdentityProvider struct {
	Issuer, Audience string
	// Failure is why the API server has not fetched the provider's keys, empty if it has.
	Failure string
}

const (
	userIssuer   = "https://login.example.com"
	userAudience = "kubernetes"
	userSubject  = "auth0|jane"
	userName     = userIssuer + "#" + userSubject // as the API server names it by default
)

// authenticate makes the checks of the API server's OpenID Connect authenticator, with its
// exact error texts (seen with Kubernetes 1.36).
func (p *IdentityProvider) authenticate(parsed *jwt.JSONWebToken, c claims, audiences []string) (subject, error) {
	fail := func(format string, args ...any) (subject, error) {
		return subject{}, fmt.Errorf("[%s, oidc: verify token: "+format+"]", append([]any{notMine}, args...)...)
	}
	switch err := c.Claims.ValidateWithLeeway(jwt.Expected{Time: time.Now()}, 0); {
	case !slices.Contains(c.Audience, p.Audience):
		return fail("oidc: expected audience %q got %q", p.Audience, []string(c.Audience))
	case errors.Is(err, jwt.ErrExpired):
		return fail("oidc: token is expired (Token Expiry: %v)", c.Expiry.Time())
	case errors.Is(err, jwt.ErrNotValidYet):
		return fail("oidc: current time %v before the nbf (not before) time: %v", time.Now(), c.NotBefore.Time())
	case p.Failure != "":
		return fail("failed to verify signature: fetching keys oidc: get keys failed %s", p.Failure)
	}
	if err := parsed.Claims(otherKey().private.Public(), &struct{}{}); err != nil {
		return fail("failed to verify signature: failed to verify id token signature")
	}
	return subject{username: p.Issuer + "#" + c.Subject, audiences: audiences}, nil
}

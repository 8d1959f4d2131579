package probetest

import (
	"slices"

	"github.com/go-jose/go-jose/v4/jwt"
)

// The versions of the plugin that changed how it logs in, or what a login is refused with.
const (
	checksTimes          = "v0.13.0" // before: exp, nbf and iat only by Kubernetes
	keepsConnections     = "v0.13.0" // before: a new connection to Kubernetes for each login
	refusesClaimsWith403 = "v0.15.0" // before: 500, with the same texts since 0.13
)

// parseWithoutTimes is parse of the versions that leave the token's times to Kubernetes.
func (m Mount) parseWithoutTimes(token *jwt.JSONWebToken, said claims, role Role) (account, error) {
	a := said.account()
	switch {
	case !m.Config.DisableISSValidation && m.Config.Issuer != "" && said.Issuer != m.Config.Issuer:
		return a, refusal{500, `claim "iss" is invalid`}
	case role.Audience != "" && !slices.Contains(said.Audience, role.Audience):
		return a, refusal{500, `claim "aud" is invalid`}
	case !contains(role.Namespaces, a.namespace):
		return a, namespaceUnauthorized
	case !contains(role.Names, a.name):
		return a, nameUnauthorized
	case !m.Config.verifies(token):
		return a, refusal{500, "1 error occurred:\n\t* failed to validate JWT: crypto/rsa: verification error\n\n"}
	}
	return a, nil
}

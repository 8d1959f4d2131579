package probetest

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// The login of the Kubernetes auth plugin 0.23.1: its checks in its order, with its error
// texts; plugin_older.go has those of older versions.

// refusal is an error with the status of Vault's response.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string { return r.text }

// denied is the bare 403.
var denied = refusal{403, "permission denied"}

// ofToken is the text of the same error where a token's policies cause it.
func (r refusal) ofToken() string { return "1 error occurred:\n\t* " + r.text + "\n\n" }

// login returns the role and the alias of a successful login.
func (m Mount) login(r *http.Request, now time.Time, roleName, token string) (role Role, alias string, err error) {
	role, known := m.Roles[strings.ToLower(roleName)]
	switch {
	case m.Type == "approle":
		return role, "", refusal{500, "failed to determine alias name from login request"}
	case m.Type == "userpass":
		return role, "", denied
	case m.Type != "":
		return role, "", refusal{400, fmt.Sprintf("role %q could not be found", roleName)}
	case roleName == "":
		return role, "", refusal{400, "missing role"}
	case token == "":
		return role, "", refusal{400, "missing jwt"}
	case !known:
		return role, "", refusal{400, fmt.Sprintf("invalid role name %q", roleName)}
	case !admits(role.CIDRs, r.RemoteAddr):
		return role, "", denied
	case m.Config == nil:
		return role, "", refusal{500, "could not load backend configuration"}
	case m.Config.ca() == "" && !m.Config.DisableLocalCA:
		return role, "", refusal{500, "open /var/run/secrets/kubernetes.io/serviceaccount/ca.crt: no such file or directory"}
	}
	claimed, err := m.parse(token, role, now)
	if err != nil {
		return role, "", err
	}
	caller := m.caller()
	defer caller.close()
	if err := caller.admits(r.Context(), claimed, role); err != nil {
		return role, "", err
	}
	if claimed.uid == "" {
		return role, "", refusal{500, "could not parse UID from claims"}
	}
	if err := caller.lookup(r.Context(), token, claimed, role.Audience); err != nil {
		return role, "", denied // only Vault's debug log has the cause
	}
	if m.Config.Annotations {
		err = caller.annotations(r.Context(), token, claimed)
	}
	return role, role.alias(claimed), err
}

func (r Role) alias(a account) string {
	if r.AliasByName {
		return a.namespace + "/" + a.name
	}
	return a.uid
}

func admits(cidrs []string, remote string) bool {
	from, err := netip.ParseAddrPort(remote)
	return len(cidrs) == 0 || err == nil && slices.ContainsFunc(cidrs, func(cidr string) bool {
		return netip.MustParsePrefix(cidr).Contains(from.Addr())
	})
}

// account is the service account in a token's claims.
type account struct {
	namespace, name, uid string
	audiences            []string
}

// pluginAlgorithms are the signature algorithms that the plugin accepts.
var pluginAlgorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512, jose.PS256, jose.PS384, jose.PS512,
}

// parse makes the checks of the token that Vault makes without Kubernetes. It verifies the
// signature only if there are pem_keys.
func (m Mount) parse(token string, role Role, now time.Time) (account, error) {
	parsed, err := jwt.ParseSigned(token, pluginAlgorithms)
	if err != nil {
		return account{}, denied
	}
	var said claims
	if err := parsed.UnsafeClaimsWithoutVerification(&said); err != nil {
		return account{}, refusal{500, "1 error(s) decoding:\n\n* " + err.Error()}
	}
	if !m.plugin.PluginSince(checksTimes) {
		return m.parseWithoutTimes(parsed, said, role)
	}
	if !m.Config.verifies(parsed) {
		return account{}, denied
	}
	if err := m.Config.validate(said, role, now); err != nil && !m.plugin.PluginSince(refusesClaimsWith403) {
		return account{}, refusal{500, err.Error()}
	} else if err != nil {
		return account{}, err
	}
	a := said.account()
	if !m.plugin.HasSelectors() && !contains(role.Namespaces, a.namespace) {
		return a, namespaceUnauthorized
	}
	if !contains(role.Names, a.name) {
		return a, nameUnauthorized
	}
	return a, nil
}

// contains reports whether a list of a role admits a name.
func contains(list []string, name string) bool {
	return slices.Contains(list, name) || slices.Contains(list, "*")
}

var (
	namespaceUnauthorized = refusal{403, "namespace not authorized"}
	nameUnauthorized      = refusal{403, "service account name not authorized"}
)

func (said claims) account() account {
	if bound := said.Kubernetes; bound.ServiceAccount.Name != "" {
		return account{bound.Namespace, bound.ServiceAccount.Name, bound.ServiceAccount.UID, said.Audience}
	}
	return account{said.LegacyNamespace, said.LegacyName, said.LegacyUID, said.Audience}
}

// validate checks the claims that are the same for every service account.
func (c *Config) validate(said claims, role Role, now time.Time) error {
	switch {
	case !c.DisableISSValidation && c.Issuer != "" && said.Issuer != c.Issuer:
		return refusal{403, "invalid issuer (iss) claim"}
	case role.Audience != "" && !slices.Contains(said.Audience, role.Audience):
		return refusal{403, "invalid audience (aud) claim: audience claim does not match any expected audience"}
	case said.NotBefore != nil && now.Add(leeway).Before(said.NotBefore.Time()):
		return refusal{403, "invalid not before (nbf) claim: token not yet valid"}
	case said.Expiry != nil && now.Add(-leeway).After(said.Expiry.Time()):
		return refusal{403, "invalid expiration time (exp) claim: token is expired"}
	case said.IssuedAt != nil && now.Add(leeway).Before(said.IssuedAt.Time()):
		return refusal{403, "invalid issued at (iat) claim: token issued in the future"}
	}
	return nil
}

func (c *Config) verifies(token *jwt.JSONWebToken) bool {
	return len(c.PEMKeys) == 0 || slices.ContainsFunc(c.PEMKeys, func(encoded string) bool {
		block, _ := pem.Decode([]byte(encoded))
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		return err == nil && token.Claims(key, &struct{}{}) == nil
	})
}

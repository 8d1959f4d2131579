package evidence

import (
	"regexp"
	"strings"
)

// What the servers say, in their exact words, where their words are the only
// evidence. Seen with Vault 1.21.4, its Kubernetes plugin 0.23.1 and Kubernetes
// 1.36.3, and in older versions and OpenBao where a line says so. Texts are matched
// by substring and without regard to case, since servers wrap them.
const (
	TextBare403     = "permission denied"
	TextInvalidRole = "invalid role name"
	TextExpired     = "invalid expiration time (exp) claim"
	TextSealed      = "Vault is sealed" // also said by a Vault that is not initialised
	TextOverloaded  = "overloaded"
	// textForbidden is part of every refusal of the API server's authorizers; a proxy's
	// 403 lacks it.
	TextForbidden = "forbidden: User"
	// textPlainHTTP is how Go servers answer plain HTTP on a TLS port.
	TextPlainHTTP = "Client sent an HTTP request to an HTTPS server"
	// textMFARequired is our own: the login answered 200 with an mfa_requirement.
	TextMFARequired = "the login demands a second factor"
)

// textNamespace begins the refusal of a role by the canary's namespace; with a
// selector, what went wrong follows after "err=".
const TextNamespace = "namespace not authorized"

func Contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// ProbeRole is the role of the mount probe. It must not exist: a login with it
// can bring no token, and its refusal tells whether the mount is there.
const ProbeRole = "vault-k8s-auth-exporter-probe"

var namedUser = regexp.MustCompile(`User "([^"]+)"`)

// NamedUser is the user that an authorizer's refusal names, empty where it names none.
func NamedUser(refusal string) string {
	if match := namedUser.FindStringSubmatch(refusal); match != nil {
		return match[1]
	}
	return ""
}

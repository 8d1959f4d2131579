package evidence

import (
	"regexp"
	"strings"
)

// Texts of the servers that are matched because nothing else tells the causes apart. They
// are from Vault 1.21.4, its Kubernetes plugin 0.23.1 and Kubernetes 1.36.3, unless a
// line names another version. They are matched as substrings and without regard to case,
// because servers wrap them.
const (
	TextBare403     = "permission denied"
	TextInvalidRole = "invalid role name"
	// TextNoRoute is Vault's answer to a token that may read a path at which nothing is
	// mounted. To any other request it answers as if a permission were missing.
	TextNoRoute    = "no handler for route"
	TextExpired    = "invalid expiration time (exp) claim"
	TextSealed     = "Vault is sealed" // also if Vault is not initialised
	TextOverloaded = "overloaded"
	// TextForbidden is part of every 403 of the API server's authorizers; a proxy's 403
	// lacks it.
	TextForbidden = "forbidden: User"
	// TextAdmission is part of a 403 of the API server that an admission webhook caused.
	TextAdmission = "denied the request"
	// TextThrottled is the body of the API server's own 429, from priority and fairness and
	// from the limit of requests in flight, Kubernetes 1.28 to 1.37.
	TextThrottled = "Too many requests, please try again later."
	// TextPlainHTTP is how Go servers respond to plain HTTP on a TLS port.
	TextPlainHTTP = "Client sent an HTTP request to an HTTPS server"
	// TextMFARequired is the exporter's own text for a 200 with an mfa_requirement.
	TextMFARequired = "the login requires a second factor"
)

// TextNamespace begins the error of a role that does not admit the canary's namespace. If
// the role has a selector that could not be evaluated, the cause follows after "err=".
const TextNamespace = "namespace not authorized"

// Contains reports whether part is a substring of text, regardless of case.
func Contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// ProbeRole is the role of the mount probe. It must not exist: a login with it cannot
// succeed, and its error shows whether the mount exists.
const ProbeRole = "vault-k8s-auth-exporter-probe"

var namedUser = regexp.MustCompile(`User "([^"]+)"`)

// NamedUser returns the user that an authorizer's error names, empty if it names none.
func NamedUser(refusal string) string {
	if match := namedUser.FindStringSubmatch(refusal); match != nil {
		return match[1]
	}
	return ""
}

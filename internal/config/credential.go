package config

import (
	"regexp"
	"strconv"
)

// credential matches what no variable may hold: a JWT, a Vault token in the
// shapes of now and of old, the base64 of a JWT, PEM text.
var credential = regexp.MustCompile(`(^|[^A-Za-z0-9])eyJ[A-Za-z0-9_-]{8}` +
	`|eyJ[A-Za-z0-9_-]{8,}\.eyJ` +
	`|hv[sbr]\.[A-Za-z0-9_-]{20}` +
	`|(^|[^A-Za-z0-9])[sbr]\.[A-Za-z0-9]{24}` +
	`|ZXlK[A-Za-z0-9+/]{16}` +
	`|-----BEGIN `)

// isCredential reports whether a value is to be refused wherever it stands.
func isCredential(value string) bool { return credential.MatchString(value) }

// suspicious matches what may be a credential, generously: an assignment, an
// address with a user, a UUID, a long unbroken run of letters and digits.
var suspicious = regexp.MustCompile(`(?i)eyJ|hv[sbr]\.|bearer|[@=]` +
	`|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-` +
	`|[a-z0-9+]{20}`)

// maxShown bounds the values that an error repeats.
const maxShown = 64

// mayBeCredential reports whether a value is better not repeated. Being wrong
// costs a reader one look at his own configuration.
func mayBeCredential(value string) bool {
	return isCredential(value) || suspicious.MatchString(value)
}

// quote repeats a value that was not recognised, unless it may be a credential.
func quote(value string) string {
	if len(value) > maxShown || mayBeCredential(value) {
		return "the value"
	}
	return strconv.QuoteToASCII(value)
}

// ordinary matches paths that begin as paths do and have no part that is too
// long for a name that a person gave.
var ordinary = regexp.MustCompile(`^\.{0,2}(/[^/@=]{0,39})+$`)

// shown repeats the path of a file, unless it may be a credential.
func shown(path string) string {
	if isCredential(path) || !ordinary.MatchString(path) {
		return "the file"
	}
	return path
}

package config

import (
	"regexp"
	"strconv"
	"strings"
)

// credential matches what no variable may hold: a JWT, a Vault token in the current
// or the old format, the base64 of a JWT, PEM text.
var credential = regexp.MustCompile(`(^|[^A-Za-z0-9])eyJ[A-Za-z0-9_-]{8}` +
	`|eyJ[A-Za-z0-9_-]{8,}\.eyJ` +
	`|hv[sbr]\.[A-Za-z0-9_-]{20}` +
	`|(^|[^A-Za-z0-9])[sbr]\.[A-Za-z0-9]{24}` +
	`|ZXlK[A-Za-z0-9+/]{16}` +
	`|-----BEGIN `)

// isCredential reports whether a value is refused in every variable.
func isCredential(value string) bool { return credential.MatchString(value) }

// suspicious matches what may be a credential: an assignment, an address with a user,
// a UUID, a long sequence of letters and digits. It accepts false positives.
var suspicious = regexp.MustCompile(`(?i)eyJ|hv[sbr]\.|bearer|[@=]` +
	`|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-` +
	`|[a-z0-9+]{20}`)

// maxShown limits the values that an error repeats, in bytes.
const maxShown = 64

// mayBeCredential reports whether errors must not repeat a value. A credential may have
// been broken into lines when it was copied.
func mayBeCredential(value string) bool {
	return isCredential(value) || isCredential(strings.Join(strings.Fields(value), "")) || suspicious.MatchString(value)
}

// quote returns an invalid value for an error, unless it may be a credential.
func quote(value string) string {
	if len(value) > maxShown || mayBeCredential(value) {
		return "the value"
	}
	return strconv.QuoteToASCII(value)
}

// ordinary matches paths with a slash and without parts that are as long as a
// credential.
var ordinary = regexp.MustCompile(`^\.{0,2}(/[^/@=]{0,39})+$`)

// shown returns the path of a file for an error, unless it may be a credential.
func shown(path string) string {
	if isCredential(path) || !ordinary.MatchString(path) {
		return "the file"
	}
	return path
}

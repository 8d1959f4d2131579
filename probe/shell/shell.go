// Package shell quotes values for commands that a person pastes into a shell.
package shell

import (
	"regexp"
	"strings"
)

// harmless matches names that cannot do more than name something. They begin with a
// letter or digit: the vault CLI reads a file for a value that begins with @, and standard
// input for -. A user of an identity provider is such as https://issuer.example#auth0|1.
var harmless = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@#|-]*$`)

// harmlessPath matches values of our own configuration that need no quotes.
var harmlessPath = regexp.MustCompile(`^[A-Za-z0-9/.][A-Za-z0-9._:/@-]*$`)

// Quote quotes a value from our own configuration for a POSIX shell.
func Quote(value string) string {
	if harmlessPath.MatchString(value) {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}

// QuoteUntrusted quotes a value from a server or a token. A value that could do more than
// name something is replaced by the placeholder in angle brackets.
func QuoteUntrusted(value, placeholder string) string {
	if harmless.MatchString(value) {
		return "'" + value + "'"
	}
	return "<" + placeholder + ">"
}

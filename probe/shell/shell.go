// Package shell quotes values for commands that a person will paste.
package shell

import (
	"regexp"
	"strings"
)

// harmless is what may enter a command unquoted. It begins with a letter or digit: the
// vault CLI reads a file for a value that begins with @, and standard input for -.
var harmless = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`)

// harmlessPath is the same for the files of our own configuration.
var harmlessPath = regexp.MustCompile(`^[A-Za-z0-9/.][A-Za-z0-9._:/@-]*$`)

// Quote quotes a value of our own configuration for a POSIX shell.
func Quote(value string) string {
	if harmlessPath.MatchString(value) {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}

// QuoteUntrusted quotes a value that a server or a token named. One that could do more
// than name something is replaced by a placeholder in angle brackets.
func QuoteUntrusted(value, placeholder string) string {
	if harmless.MatchString(value) {
		return "'" + value + "'"
	}
	return "<" + placeholder + ">"
}

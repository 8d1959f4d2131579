package diagnose

import (
	"regexp"
	"strings"
)

// harmless is what may enter a command that a human will paste, without quotes.
var harmless = regexp.MustCompile(`^[A-Za-z0-9._:/@-]+$`)

// own quotes a value of our own configuration for a POSIX shell.
func quoteTrusted(value string) string {
	if harmless.MatchString(value) {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}

// foreign quotes a value that a server or a token named. One that could do more
// than name something is replaced by a placeholder.
func quoteUntrusted(value, placeholder string) string {
	if harmless.MatchString(value) {
		return "'" + value + "'"
	}
	return "<" + placeholder + ">"
}

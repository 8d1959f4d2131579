package config

import (
	"regexp"
	"strconv"
)

// A nameForm is what a name may look like.
type nameForm struct {
	pattern string // for JSON schemas, without anchors
	matches func(string) bool
}

// namesOf is the form of names of at most this many characters. The first and the last are of the
// class ends, those between of another. Both classes are ASCII. The count is only in the pattern:
// compiled, it is that many copies of a class, which take some hundred kilobytes.
func namesOf(ends, between string, longest int) nameForm {
	unbounded := regexp.MustCompile("^" + ends + "(" + between + "*" + ends + ")?$")
	return nameForm{
		pattern: ends + "(" + between + "{0," + strconv.Itoa(longest-2) + "}" + ends + ")?",
		matches: func(name string) bool { return len(name) <= longest && unbounded.MatchString(name) },
	}
}

// The names that Kubernetes gives to namespaces, to other objects, and to the keys of a Secret.
var (
	dnsLabel   = namesOf(`[a-z0-9]`, `[a-z0-9-]`, 63)
	dnsName    = namesOf(`[a-z0-9]`, `[a-z0-9.-]`, 253)
	secretsKey = nameForm{`[A-Za-z0-9._-]{1,253}`, namesOf(`[A-Za-z0-9._-]`, `[A-Za-z0-9._-]`, 253).matches}
)

var (
	hostName    = namesOf(`[A-Za-z0-9]`, `[A-Za-z0-9._-]`, 253)
	targetNames = namesOf(`[A-Za-z0-9]`, `[A-Za-z0-9._/-]`, 128)
	roleNames   = namesOf(`[0-9A-Za-z_]`, `[0-9A-Za-z_.-]`, 256)
)

// textOf makes the kind of strings of a form; noun names them in errors.
func textOf(f nameForm, noun, allowed string) kind[string] {
	return textKind(shape{allowed: allowed, pattern: "^(" + f.pattern + ")?$"}, func(value string) (string, error) {
		if !f.matches(value) {
			return "", malformed(quote(value) + " is not a valid " + noun)
		}
		return value, nil
	})
}

var (
	targetName = textOf(targetNames, "target name",
		"up to 128 letters, digits and ._/- that begin and end with a letter or digit")

	// role is what Vault takes as the name of a role.
	role = textOf(roleNames, "role name",
		"letters, digits and _.- that begin and end with a letter, digit or _")

	vaultPath = textOf(nameForm{pattern: vaultPaths, matches: regexp.MustCompile("^" + vaultPaths + "$").MatchString}, "path in Vault",
		"letters, digits and ._:@- in parts divided by single slashes, no part . or ..")
)

const vaultPaths = `[A-Za-z0-9._:@-]+(/[A-Za-z0-9._:@-]+)*`

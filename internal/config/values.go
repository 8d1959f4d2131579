package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// textKind makes a kind of strings.
func textKind(s shape, parse func(string) (string, error)) kind[string] {
	return kind[string]{shape: s, parse: parse, format: plain[string]}
}

// choice makes the kind of values that are one of these.
func choice[V ~string](choices ...V) kind[V] {
	names := collect(choices, plain[V])
	return kind[V]{
		shape: shape{allowed: strings.Join(names, ", "), enum: names},
		parse: func(value string) (V, error) {
			if !slices.Contains(names, value) {
				return "", malformed(quote(value) + " is not supported")
			}
			return V(value), nil
		},
		format: plain[V],
	}
}

// slashesAround is the pattern of a path in Vault that may have slashes around it,
// which mean nothing there.
const slashesAround = `^[A-Za-z0-9._:@/-]*$`

func parseVaultPath(value string) (string, error) {
	trimmed, err := vaultPath.parse(strings.Trim(value, "/"))
	for part := range strings.SplitSeq(trimmed, "/") {
		if part == "." || part == ".." {
			err = malformed("has a part " + part)
		}
	}
	return trimmed, allowing(err, vaultPath.allowed)
}

// vaultNamespace is the path of a namespace. A single slash is the root.
var vaultNamespace = textKind(shape{allowed: vaultPath.allowed, pattern: slashesAround}, func(value string) (string, error) {
	if strings.Trim(value, "/") == "" {
		return "", nil
	}
	return parseVaultPath(value)
})

var authMount = textKind(shape{allowed: "the path below auth/, such as kubernetes", pattern: slashesAround}, func(value string) (string, error) {
	trimmed := strings.Trim(value, "/")
	if trimmed == "" {
		return "", malformed("names no mount")
	}
	for _, head := range []string{"v1", "auth"} {
		if trimmed == head || strings.HasPrefix(trimmed, head+"/") {
			return "", malformed("begins with " + head + "/, which is not part of it")
		}
	}
	return parseVaultPath(value)
})

func isHost(value string) bool {
	_, err := netip.ParseAddr(value) // takes any zone
	return err == nil && pastable(value) == nil || hostName.matches(strings.TrimSuffix(value, "."))
}

var serverName = textKind(shape{allowed: "a DNS name or an IP address, without scheme and port", pattern: `^[^\s/]*$`}, func(value string) (string, error) {
	if !isHost(value) {
		return "", malformed(quote(value) + " is not a server name")
	}
	return value, nil
})

// unpastable are characters that mean something to a shell.
const unpastable = "'\"`$\\;&|<>()*?!{}#~"

// pastable refuses values that a shell would change in the commands that the exporter
// prints.
func pastable(value string) error {
	for _, r := range value {
		switch {
		case unicode.IsSpace(r):
			return malformed("has a blank inside")
		case r == unicode.ReplacementChar, !unicode.IsPrint(r):
			return malformed("has a character that cannot be printed")
		case strings.ContainsRune(unpastable, r):
			return malformed(fmt.Sprintf("has the character %c, which means something to a shell", r))
		}
	}
	return nil
}

var (
	anyFile        = fileOf(shape{allowed: allowedPath})
	credentialFile = fileOf(shape{allowed: allowedPath, credential: true})
)

const allowedPath = "the path of a file, without blanks and characters that mean something to a shell"

// fileOf makes a kind of paths of files. That a file is missing is no mistake: every
// run opens it anew and reports that.
func fileOf(s shape) kind[string] {
	s.pattern = "^[^\\s'\\\"`$\\\\;&|<>()*?!{}#~]*$" // unpastable
	return textKind(s, parsePath)
}

func parsePath(value string) (string, error) {
	if !strings.Contains(value, "/") && mayBeCredential(value) {
		return "", invalid("looks like a credential rather than a path, and is not repeated here", "the path of a file that holds it")
	}
	if err := pastable(value); err != nil {
		return "", allowing(err, allowedPath)
	}
	return value, nil
}

var audienceList = listOf(kind[string]{
	shape: shape{url: true},
	parse: func(audience string) (string, error) {
		if strings.Contains(audience, "@") {
			return "", malformed("has an audience with an @, as in a URL with a password")
		}
		return audience, pastable(audience)
	},
}, "audience", "audiences separated by commas, such as vault")

// listOf makes the kind of lists of such values. noun names one of them in errors.
func listOf(item kind[string], noun, allowed string) kind[[]string] {
	return kind[[]string]{
		shape: shape{allowed: allowed, form: formList, url: item.url},
		parse: func(value string) ([]string, error) {
			var list []string
			for one := range strings.SplitSeq(value, ",") {
				if one = strings.TrimSpace(one); one == "" {
					return nil, malformed("has an empty " + noun)
				}
				parsed, err := item.parse(one)
				if err != nil {
					return nil, err
				}
				list = append(list, parsed)
			}
			return list, nil
		},
		format: func(list []string) string { return strings.Join(list, ",") },
	}
}

// Limits of the durations of runs. Shorter ones would overload Vault; longer ones probably
// have a wrong unit.
const (
	minDuration = time.Second
	maxDuration = 24 * time.Hour
)

var (
	duration = durationWithin(minDuration, maxDuration, "1s to 24h in Go's syntax, such as 60s or 1m30s")
	// notice is how long before something ends a warning begins.
	notice = durationWithin(time.Minute, 365*24*time.Hour, "1m to 8760h in Go's syntax, such as 720h for 30 days")
)

// durationWithin makes a kind of durations within bounds.
func durationWithin(least, most time.Duration, allowed string) kind[time.Duration] {
	return kind[time.Duration]{
		shape: shape{allowed: allowed, pattern: `^([0-9]+(\.[0-9]+)?(ns|us|µs|μs|ms|s|m|h))*$`},
		parse: func(value string) (time.Duration, error) {
			d, err := time.ParseDuration(value)
			switch {
			case err != nil:
				return 0, malformed(quote(value) + " is not a duration")
			case d < least:
				return 0, malformed(quote(value) + " is too short")
			case d > most:
				return 0, malformed(quote(value) + " is too long")
			}
			return d, nil
		},
		format: time.Duration.String,
	}
}

var boolean = kind[bool]{
	shape: shape{allowed: "true or false", form: formBoolean},
	parse: func(value string) (bool, error) {
		if value != "true" && value != "false" {
			return false, malformed(quote(value) + " is not a boolean")
		}
		return value == "true", nil
	},
	format: strconv.FormatBool,
}

// number makes the kind of numbers within bounds.
func number(least, most int, allowed string) kind[int] {
	return kind[int]{
		shape: shape{allowed: allowed},
		parse: func(value string) (int, error) {
			n, err := strconv.Atoi(value)
			if err != nil || strings.HasPrefix(value, "+") {
				return 0, malformed(quote(value) + " is not a number")
			}
			if n < least || n > most {
				return 0, malformed(quote(value) + " is out of bounds")
			}
			return n, nil
		},
		format: strconv.Itoa,
	}
}

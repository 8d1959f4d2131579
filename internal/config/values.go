package config

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Every duration lies between these. Shorter ones make the exporter the load
// that it is there to notice; longer ones are a slip of the unit.
const (
	minDuration = time.Second
	maxDuration = 24 * time.Hour
)

const injected = "is a URL where a bare value belongs: Kubernetes injects such values for Services"

const noServiceLinks = "a value of your own; set enableServiceLinks: false in the pod's spec to have none injected"

// bare refuses what a service link left behind.
func bare(value string) error {
	if strings.Contains(value, "://") {
		return wrong(injected, noServiceLinks)
	}
	return nil
}

// matching makes a check of a pattern. kind says what the value is not.
func matching(pattern *regexp.Regexp, kind, allowed string) func(string) (string, error) {
	return func(value string) (string, error) {
		if err := bare(value); err != nil {
			return "", err
		}
		if !pattern.MatchString(value) {
			return "", wrong(quote(value)+" is no "+kind, allowed)
		}
		return value, nil
	}
}

var targetName = matching(
	regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$`), "name of a target",
	"up to 128 letters, digits and ._/- that begin and end with a letter or digit")

const allowedRole = "the name of the canary's role at the mount: letters, digits and _.- that begin and end with a letter, digit or _"

// role takes what Vault takes as the name of a role.
var role = matching(regexp.MustCompile(`^\w([\w.-]{0,254}\w)?$`), "name of a role", allowedRole)

var segments = regexp.MustCompile(`^[A-Za-z0-9._:@-]+(/[A-Za-z0-9._:@-]+)*$`)

const allowedSegments = "letters, digits and ._:@- in parts divided by single slashes, no part . or .."

var cleanSegments = matching(segments, "path in Vault", allowedSegments)

// vaultPath takes a path in Vault. Slashes around it mean nothing there.
func vaultPath(value string) (string, error) {
	trimmed, err := cleanSegments(strings.Trim(value, "/"))
	if err != nil {
		return "", err
	}
	for part := range strings.SplitSeq(trimmed, "/") {
		if part == "." || part == ".." {
			return "", wrong("has a part "+part, allowedSegments)
		}
	}
	return trimmed, nil
}

// namespace takes the path of a Vault namespace. A single slash is the root.
func namespace(value string) (string, error) {
	if strings.Trim(value, "/") == "" {
		return "", nil
	}
	return vaultPath(value)
}

func mount(value string) (string, error) {
	const allowed = "the path below auth/, such as kubernetes"
	trimmed := strings.Trim(value, "/")
	if trimmed == "" {
		return "", wrong("names no mount", allowed)
	}
	if trimmed == "auth" || strings.HasPrefix(trimmed, "auth/") {
		return "", wrong("begins with auth/, which is not part of it", allowed)
	}
	return vaultPath(value)
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?\.?$`)

func isHost(value string) bool {
	_, err := netip.ParseAddr(value)
	return err == nil || hostName.MatchString(value)
}

func serverName(value string) (string, error) {
	if err := bare(value); err != nil {
		return "", err
	}
	if !isHost(value) {
		return "", wrong(quote(value)+" is no name of a server", "a DNS name or an IP address, without scheme and port")
	}
	return value, nil
}

// unpastable are characters that mean something to a shell.
const unpastable = "'\"`$\\;&|<>()*?!{}#~"

// pastable refuses what would not survive in the commands that the exporter
// prints.
func pastable(value, allowed string) error {
	for _, r := range value {
		switch {
		case unicode.IsSpace(r):
			return wrong("has a blank inside", allowed)
		case r == unicode.ReplacementChar, !unicode.IsPrint(r):
			return wrong("has a character that cannot be printed", allowed)
		case strings.ContainsRune(unpastable, r):
			return wrong(fmt.Sprintf("has the character %c, which means something to a shell", r), allowed)
		}
	}
	return nil
}

// path takes the path of a file that is opened by every run: that it is missing
// now is for the run to say.
func path(value string) (string, error) {
	if err := bare(value); err != nil {
		return "", err
	}
	if !strings.Contains(value, "/") && mayBeCredential(value) {
		return "", wrong("is no path, rather a credential, which is not repeated here", "the path of a file that holds it")
	}
	if err := pastable(value, "the path of a file, without blanks and characters that mean something to a shell"); err != nil {
		return "", err
	}
	return value, nil
}

func audiences(value string) ([]string, error) {
	const allowed = "audiences separated by commas, such as vault"
	var list []string
	for one := range strings.SplitSeq(value, ",") {
		one = strings.TrimSpace(one)
		if one == "" {
			return nil, wrong("has an empty audience", allowed)
		}
		if strings.Contains(one, "@") {
			return nil, wrong("has an audience with an @, as in a URL with a password", allowed)
		}
		if err := pastable(one, allowed); err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

func duration(value string) (time.Duration, error) {
	const allowed = "1s to 24h in Go's syntax, such as 60s or 1m30s"
	if err := bare(value); err != nil {
		return 0, err
	}
	d, err := time.ParseDuration(value)
	switch {
	case err != nil:
		return 0, wrong(quote(value)+" is no duration", allowed)
	case d < minDuration:
		return 0, wrong(quote(value)+" is too short", allowed)
	case d > maxDuration:
		return 0, wrong(quote(value)+" is too long", allowed)
	}
	return d, nil
}

func boolean(value string) (bool, error) {
	if err := bare(value); err != nil {
		return false, err
	}
	switch value {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, wrong(quote(value)+" is neither", "true or false")
}

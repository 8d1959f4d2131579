package config

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// externalURL is where readers reach the exporter's pages.
var externalURL = withPagePath(urlOf("an absolute URL, https or http, such as https://example.com/vault-auth",
	`^([hH][tT][tT][pP][sS]?://[^\s@?#]+)?$`, "https", "http"))

// withPagePath refuses URLs with a path that no page can have.
func withPagePath(k kind[string]) kind[string] {
	parse := k.parse
	k.parse = func(value string) (string, error) {
		address, err := parse(value)
		if err != nil {
			return "", err
		}
		u, err := url.Parse(address)
		if err != nil {
			return "", malformed("is not an absolute URL")
		}
		if _, err := parsePagePath(u.EscapedPath()); err != nil {
			return "", invalid("has a path that a page cannot have", "a URL with a path of letters, digits and ._~-, such as https://example.com/vault-auth")
		}
		return address, nil
	}
	return k
}

// pagePath has no character that means something to a router or needs an escape in a URL.
var pagePath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*$`)

// parsePagePath returns a path without a slash at its end. The root is empty.
func parsePagePath(value string) (string, error) {
	path := "/" + strings.Trim(value, "/")
	if path == "/" {
		return "", nil
	}
	if !pagePath.MatchString(path) || strings.Contains(path+"/", "/./") || strings.Contains(path+"/", "/../") {
		return "", malformed(quote(value) + " is not a valid path of a page")
	}
	return path, nil
}

// ParseExternalURL checks a URL for --web.external-url as [Load] checks that of
// EXPORTER_EXTERNAL_URL. It returns the URL without a slash at its end. The error repeats a
// value that cannot hold a password.
func ParseExternalURL(value string) (string, error) {
	address, err := externalURL.parse(value)
	err = allowing(err, externalURL.allowed)
	if err != nil && !strings.ContainsAny(value, "@?#") {
		err = fmt.Errorf("%s %w", quote(value), err)
	}
	return address, err
}

// ParseRoutePrefix checks a path for --web.route-prefix. It returns the path without a slash
// at its end, which is empty for the root.
func ParseRoutePrefix(value string) (string, error) {
	path, err := parsePagePath(value)
	return path, allowing(err, "a path of letters, digits and ._~-, such as /vault-auth; / is the root")
}

package config

import "testing"

func TestExternalURL(t *testing.T) {
	for value, want := range map[string]string{
		"https://example.com":               "https://example.com",
		"https://example.com/":              "https://example.com",
		"http://[::1]:8080/a/b//":           "http://[::1]:8080/a/b",
		"https://example.com/vault-auth/":   "https://example.com/vault-auth",
		"https://example.com/v1":            "https://example.com/v1",
		"ftp://example.com":                 "\"ftp://example.com\" has another scheme; allowed: an absolute URL, https or http, such as https://example.com/vault-auth",
		"example.com/vault-auth":            "\"example.com/vault-auth\" is not an absolute URL; allowed: an absolute URL, https or http, such as https://example.com/vault-auth",
		"https:///vault-auth":               "\"https:///vault-auth\" has no host, or one that cannot be; allowed: an absolute URL, https or http, such as https://example.com/vault-auth",
		"https://me:secret@example.com":     "holds a user or a password; allowed: an absolute URL, https or http, such as https://example.com/vault-auth, without either",
		"https://example.com/a%2Fb":         `"https://example.com/a%2Fb" has a path that a page cannot have; allowed: a URL with a path of letters, digits and ._~-, such as https://example.com/vault-auth`,
		"https://example.com/a/../b":        `"https://example.com/a/../b" has a path that a page cannot have; allowed: a URL with a path of letters, digits and ._~-, such as https://example.com/vault-auth`,
		"https://example.com/a//b":          `"https://example.com/a//b" has a path that a page cannot have; allowed: a URL with a path of letters, digits and ._~-, such as https://example.com/vault-auth`,
		"https://example.com:99999/metrics": "\"https://example.com:99999/metrics\" has a port that cannot be; allowed: an absolute URL, https or http, such as https://example.com/vault-auth",
	} {
		got, err := ParseExternalURL(value)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got  %s\nwant %s", value, got, want)
		}
	}
}

func TestRoutePrefix(t *testing.T) {
	const allowed = "; allowed: a path of letters, digits and ._~-, such as /vault-auth; / is the root"
	for value, want := range map[string]string{
		"/": "", "//": "", "/vault-auth": "/vault-auth", "vault-auth/": "/vault-auth", "/a/b.c/": "/a/b.c",
		"/a b":           `"/a b" is not a valid path of a page` + allowed,
		"/{target...}":   `"/{target...}" is not a valid path of a page` + allowed,
		"/a//b":          `"/a//b" is not a valid path of a page` + allowed,
		"/..":            `"/.." is not a valid path of a page` + allowed,
		"https://host/a": `"https://host/a" is not a valid path of a page` + allowed,
	} {
		got, err := ParseRoutePrefix(value)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got  %s\nwant %s", value, got, want)
		}
	}
}

package config

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

var (
	vaultURL = withoutAPIPath(urlOf("an absolute URL, https (or http), such as https://vault.vault.svc:8200",
		`^([hH][tT][tT][pP][sS]?://[^\s@?#]+)?$`, "https", "http"))
	vaultURLList  = listOf(vaultURL, "URL", "URLs of Vault separated by commas, such as https://vault.example.com")
	kubernetesURL = urlOf("an absolute https URL, such as https://kubernetes.default.svc",
		`^([hH][tT][tT][pP][sS]://[^\s@?#]+)?$`, "https")
)

// urlOf makes the kind of URLs with host and perhaps port and path, and nothing
// else. No error repeats a value, which may hold a password wherever it is malformed.
func urlOf(allowed, pattern string, schemes ...string) kind[string] {
	return textKind(shape{allowed: allowed, url: true, pattern: pattern}, func(value string) (string, error) {
		u, err := url.Parse(value)
		if err != nil || !strings.Contains(value, "://") {
			return "", malformed("is not an absolute URL")
		}
		if err := checkScheme(u.Scheme, schemes); err != nil {
			return "", err
		}
		if err := checkParts(u, allowed); err != nil {
			return "", err
		}
		if err := pastable(value); err != nil {
			return "", err
		}
		address := strings.TrimRight(u.String(), "/")
		if err := pastable(address); err != nil { // an escaped character may be itself in it
			return "", err
		}
		return address, nil
	})
}

func checkScheme(scheme string, schemes []string) error {
	if slices.Contains(schemes, scheme) {
		return nil
	}
	switch scheme {
	case "http":
		return malformed("is http, over which a token would travel unencrypted")
	case "tcp", "udp", "sctp":
		return malformed("is a " + scheme + " URL: Kubernetes injects such values for Services; set enableServiceLinks: false")
	}
	return malformed("has another scheme")
}

func checkParts(u *url.URL, allowed string) error {
	port, err := strconv.Atoi(u.Port())
	switch {
	case u.User != nil, strings.Contains(u.Path, "@"):
		return invalid("holds a user or a password", allowed+", without either")
	case u.RawQuery != "" || u.ForceQuery:
		return invalid("has a query", allowed+", without one")
	case u.Fragment != "":
		return invalid("has a fragment", allowed+", without one")
	case !isHost(u.Hostname()):
		return malformed("has no host, or one that cannot be")
	case strings.HasSuffix(u.Host, ":"), u.Port() != "" && (err != nil || port < 1 || port > 65535):
		return malformed("has a port that cannot be")
	}
	return nil
}

// withoutAPIPath refuses the URL of Vault's API or page instead of its address.
func withoutAPIPath(k kind[string]) kind[string] {
	parse := k.parse
	k.parse = func(value string) (string, error) {
		address, err := parse(value)
		for _, tail := range []string{"/v1", "/ui"} {
			if strings.HasSuffix(address, tail) {
				return "", malformed("ends in " + tail + ", which is not part of Vault's address")
			}
		}
		for _, path := range []string{"/v1/auth/", "/v1/sys/"} {
			if strings.Contains(address+"/", path) {
				return "", malformed("has the path of a request, " + path + "…, which is not part of Vault's address")
			}
		}
		return address, err
	}
	return k
}

package config

import (
	"net/url"
	"strconv"
	"strings"
)

const (
	allowedVaultURL      = "an absolute URL, https (or http), such as https://vault.vault.svc:8200"
	allowedKubernetesURL = "an absolute https URL, such as https://kubernetes.default.svc"
)

func vaultURL(value string) (string, error) {
	address, err := absoluteURL(value, allowedVaultURL, "https", "http")
	if err != nil {
		return "", err
	}
	for _, tail := range []string{"/v1", "/ui"} {
		if strings.HasSuffix(address, tail) {
			return "", wrong("ends in "+tail+", which is not part of Vault's address", allowedVaultURL)
		}
	}
	return address, nil
}

func kubernetesURL(value string) (string, error) {
	return absoluteURL(value, allowedKubernetesURL, "https")
}

// absoluteURL takes a URL with host and perhaps port and path, and nothing else.
// It never repeats the value, which may hold a password wherever it is malformed.
func absoluteURL(value, allowed string, schemes ...string) (string, error) {
	u, err := url.Parse(value)
	if err != nil || !strings.Contains(value, "://") {
		return "", wrong("is no absolute URL", allowed)
	}
	if err := checkScheme(u.Scheme, allowed, schemes); err != nil {
		return "", err
	}
	if err := checkParts(u, allowed); err != nil {
		return "", err
	}
	if err := pastable(value, allowed); err != nil {
		return "", err
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func checkScheme(scheme, allowed string, schemes []string) error {
	for _, known := range schemes {
		if scheme == known {
			return nil
		}
	}
	switch scheme {
	case "http":
		return wrong("is http, over which a token would travel unencrypted", allowed)
	case "tcp", "udp", "sctp":
		return wrong("is a "+scheme+" URL: Kubernetes injects such values for Services; set enableServiceLinks: false", allowed)
	}
	return wrong("has another scheme", allowed)
}

func checkParts(u *url.URL, allowed string) error {
	port, err := strconv.Atoi(u.Port())
	switch {
	case u.User != nil, strings.Contains(u.Path, "@"):
		return wrong("holds a user or a password", allowed+", without either")
	case u.RawQuery != "" || u.ForceQuery:
		return wrong("has a query", allowed+", without one")
	case u.Fragment != "":
		return wrong("has a fragment", allowed+", without one")
	case !isHost(u.Hostname()):
		return wrong("has no host, or one that cannot be", allowed)
	case strings.HasSuffix(u.Host, ":"), u.Port() != "" && (err != nil || port < 1 || port > 65535):
		return wrong("has a port that cannot be", allowed)
	}
	return nil
}

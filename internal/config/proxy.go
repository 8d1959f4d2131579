package config

import (
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
)

const (
	allowedProxy   = "the URL of a proxy, http, https, socks5 or socks5h, such as http://proxy.example.com:3128, or its host and port"
	allowedNoProxy = "host names, domains, IP addresses and networks such as 10.0.0.0/8, separated by commas, or *"
)

// checkProxies checks the variables that name proxies. A malformed one would be ignored,
// and requests go directly where they should go through the proxy. Values are not
// repeated: they may hold a password.
func checkProxies() []error {
	var mistakes []error
	used := false
	for _, key := range []string{"HTTPS_PROXY", "HTTP_PROXY"} {
		name, value := lookUpEither(key)
		if strings.TrimSpace(value) == "" {
			continue
		}
		used = true
		if err := checkProxy(value); err != nil {
			mistakes = append(mistakes, &mistake{key, name, err})
		}
	}
	if name, value := lookUpEither("NO_PROXY"); used {
		if err := checkNoProxy(value); err != nil {
			mistakes = append(mistakes, &mistake{"NO_PROXY", name, err})
		}
	}
	return mistakes
}

// lookUpEither finds a variable by its name in upper or, failing that, in lower case.
func lookUpEither(key string) (name, value string) {
	for _, name := range []string{key, strings.ToLower(key)} {
		if value := os.Getenv(name); value != "" {
			return name, value
		}
	}
	return key, ""
}

// checkProxy takes what net/http takes.
func checkProxy(value string) error {
	proxy, err := url.Parse(value)
	if err != nil || proxy.Scheme == "" || proxy.Host == "" {
		proxy, err = url.Parse("http://" + value)
	}
	if err != nil {
		return invalid("is not the URL of a proxy", allowedProxy)
	}
	port, portErr := strconv.Atoi(proxy.Port())
	switch proxy.Scheme {
	case "http", "https", "socks5", "socks5h":
	default:
		return invalid("has another scheme", allowedProxy)
	}
	switch {
	case !isHost(proxy.Hostname()):
		return invalid("has no host, or an impossible one", allowedProxy)
	case strings.HasSuffix(proxy.Host, ":"), proxy.Port() != "" && (portErr != nil || port < 1 || port > 65535):
		return invalid("has an impossible port", allowedProxy)
	}
	return nil
}

// checkNoProxy refuses entries that could never match: URLs, networks that are none, and
// entries that are not separated by commas.
func checkNoProxy(value string) error {
	for entry := range strings.SplitSeq(value, ",") {
		entry = strings.TrimSpace(entry)
		_, err := netip.ParsePrefix(entry)
		switch {
		case strings.Contains(entry, "://"):
			return invalid("has a URL as an entry", allowedNoProxy)
		case strings.Contains(entry, "/") && err != nil:
			return invalid("has an entry with a slash that is not a network", allowedNoProxy)
		case strings.ContainsAny(entry, " \t\r\n;|@"):
			return invalid("has an entry that is not a host, domain, address or network", allowedNoProxy)
		}
	}
	return nil
}

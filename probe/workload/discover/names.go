package discover

import (
	"cmp"
	"net/url"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/redact"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// maxName is the length in bytes that a value of a login may have.
const maxName = 512

// canonical returns a login in the form in which equal logins are equal, or why it cannot be
// one. Nothing that looks like a credential gets through.
func canonical(l workload.Login) (_ workload.Login, why string) {
	l.Mount = strings.Trim(l.Mount, "/")
	if l.Namespace = strings.Trim(l.Namespace, "/"); l.Namespace == "root" {
		l.Namespace = ""
	}
	if l.Address, why = canonicalAddress(l.Address); why != "" {
		return l, why
	}
	switch {
	case l.Role == "":
		return l, "it names no role"
	case l.Mount == "":
		return l, "it names no mount"
	case l.ServiceAccount.Name == "":
		return l, "it names no service account"
	case len(validation.IsDNS1123Subdomain(l.ServiceAccount.Name)) > 0 || len(validation.IsDNS1123Label(l.ServiceAccount.Namespace)) > 0:
		return l, "its service account has a name that Kubernetes does not permit"
	}
	return l, cmp.Or(
		unfit("role", l.Role), unfit("mount", l.Mount), unfit("Vault namespace", l.Namespace), unprintable("audience", l.Audiences),
	)
}

func canonicalAddress(address string) (_, why string) {
	if address == "" {
		return "", ""
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", "its address of Vault is not a URL"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	address = strings.TrimRight(u.String(), "/")
	return address, unfit("address of Vault", address)
}

// unfit says why a value cannot be shown.
func unfit(what, value string) string {
	if why := unprintable(what, value); why != "" {
		return why
	}
	if redact.Clean(value) != value {
		return "its " + what + " looks like a credential"
	}
	return ""
}

func unprintable(what, value string) string {
	if len(value) > maxName {
		return "its " + what + " is too long"
	}
	if strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
		return "its " + what + " is not printable"
	}
	return ""
}

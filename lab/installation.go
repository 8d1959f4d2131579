package lab

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// An Installation says how a lab differs from the one that all other tests run. The zero value is that one: the versions
// in the servers' go.mod files, HTTP/2 and TLS 1.3.
type Installation struct {
	// Plugin is the version of the Kubernetes auth plugin, such as v0.12.1. The core stays that of go.mod.
	Plugin string
	// Release runs in place of the lab's own Vault; Plugin is then the one that it has.
	Release Release
	// Kubernetes is the version of the API server, such as v1.30.14.
	Kubernetes string
	// HTTP1 keeps both servers from offering HTTP/2, and TLS12 keeps Vault from offering TLS 1.3.
	HTTP1, TLS12 bool
	// BatchTokens makes logins return batch tokens.
	BatchTokens bool
	// NoSelfReview keeps the API server from offering SelfSubjectReview, as before Kubernetes 1.28.
	NoSelfReview bool
	// IdentityProvider makes the API server authenticate users of an identity provider too; see [Lab.UserToken].
	IdentityProvider bool
}

// Installations are all that the matrix runs, one difference each.
func Installations() []Installation {
	var all []Installation
	for _, p := range Plugins() {
		all = append(all, Installation{Plugin: p.Version})
	}
	for _, version := range kubernetesVersions {
		all = append(all, Installation{Kubernetes: version})
	}
	return append(all, Installation{HTTP1: true}, Installation{TLS12: true}, Installation{BatchTokens: true}, Installation{NoSelfReview: true})
}

// String names the difference.
func (i Installation) String() string {
	switch {
	case i.Release != Release{}:
		return i.Release.String()
	case i.Plugin != "":
		return "plugin " + i.Plugin
	case i.Kubernetes != "":
		return "Kubernetes " + i.Kubernetes
	case i.HTTP1:
		return "HTTP/1.1"
	case i.TLS12:
		return "TLS 1.2"
	case i.BatchTokens:
		return "batch tokens"
	case i.NoSelfReview:
		return "no SelfSubjectReview"
	case i.IdentityProvider:
		return "an identity provider"
	}
	return "the lab"
}

// A Plugin is a published version of the Kubernetes auth plugin, and the Vault that it was released with.
type Plugin struct{ Version, Vault string }

// Plugins are those of the supported versions of Vault and of the one before, oldest first.
func Plugins() []Plugin {
	return []Plugin{
		{"v0.12.1", "1.10"}, {"v0.14.1", "1.12"}, {"v0.15.0", "1.13"}, {"v0.16.0", "1.14"}, {"v0.17.1", "1.15"}, {"v0.18.0", "1.16"},
		{"v0.19.0", "1.17"}, {"v0.20.0", "1.18"}, {"v0.21.0", "1.19"}, {"v0.22.2", "1.20"}, {"v0.23.1", "1.21"},
	}
}

// kubernetesVersions are one of each minor version that has a supported or recently supported release.
var kubernetesVersions = []string{"v1.30.14", "v1.31.14", "v1.32.13", "v1.33.13", "v1.34.4", "v1.35.4", "v1.36.3", "v1.37.2"}

// PluginSince returns whether the plugin is of that version or a later one.
func (i Installation) PluginSince(oldest string) bool {
	return i.Plugin == "" || compareVersions(i.Plugin, oldest) >= 0
}

// HasSelectors returns whether roles can select namespaces by label. Without that there is no diagnostic role.
func (i Installation) HasSelectors() bool { return i.PluginSince("v0.18.0") }

// HasAnnotations returns whether a mount can read annotations of service accounts, and says whether a reviewer's token is
// stored.
func (i Installation) HasAnnotations() bool { return i.PluginSince("v0.18.0") && !i.IsOpenBao() }

// TakesAnyReviewer returns whether a reviewer's token may be something else than a JWT.
func (i Installation) TakesAnyReviewer() bool { return i.PluginSince("v0.17.1") }

// FindsKeys returns whether the API server looks the key of a token up by its ID. Before Kubernetes 1.31 it tries all of its
// keys, and says the same of a token of an unknown key and of one that is damaged.
func (i Installation) FindsKeys() bool {
	return i.Kubernetes == "" || compareVersions(i.Kubernetes, "v1.31.0") >= 0
}

// StoresTokens returns whether Vault stores the token of a login, which then has to be revoked.
func (i Installation) StoresTokens() bool { return !i.BatchTokens }

func (i Installation) vaultFlags() []string {
	return []string{fmt.Sprintf("-http1=%t", i.HTTP1), fmt.Sprintf("-tls12=%t", i.TLS12)}
}

func (i Installation) apiServerFlags() []string {
	flags := []string{fmt.Sprintf("--runtime-config=authentication.k8s.io/v1/selfsubjectreviews=%t", !i.NoSelfReview)}
	if i.HTTP1 { // Kubernetes 1.30 does not know the flag
		flags = append(flags, "--disable-http2-serving")
	}
	return flags
}

func (i Installation) tokenType() string {
	if i.BatchTokens {
		return "batch"
	}
	return "default"
}

// compareVersions compares released versions such as v0.9.1 and v0.12.1.
func compareVersions(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		x, _ := strconv.Atoi(strings.TrimPrefix(as[i], "v"))
		y, _ := strconv.Atoi(strings.TrimPrefix(bs[i], "v"))
		if x != y {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(as), len(bs))
}

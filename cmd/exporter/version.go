package main

import (
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/prometheus/common/version"
)

// moduleVersion is that of a build by go install, and of one from a checkout; empty if it is not
// known.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "(devel)" {
		return ""
	}
	return info.Main.Version
}

// buildInfo is what --version prints, with what is known.
func buildInfo() string {
	var text strings.Builder
	fmt.Fprintf(&text, "vault-k8s-auth-exporter, version %s", version.Version)
	for _, field := range []struct{ name, value string }{
		{"branch", version.Branch}, {"revision", version.GetRevision()}, {"build date", version.BuildDate},
		{"go version", version.GoVersion}, {"platform", version.GoOS + "/" + version.GoArch},
	} {
		if field.value != "" && field.value != "unknown" {
			fmt.Fprintf(&text, "\n  %-13s%s", field.name+":", field.value)
		}
	}
	return text.String()
}

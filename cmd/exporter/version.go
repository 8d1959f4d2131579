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

// buildInfo is what --version prints: the form of Prometheus' exporters, with what is known.
func buildInfo() string {
	text := "vault-k8s-auth-exporter, version " + version.Version
	if source := known(", ", "%s: %s", [2]string{"branch", version.Branch}, [2]string{"revision", version.GetRevision()}); source != "" {
		text += " (" + source + ")"
	}
	return text + "\n" + known("\n", "  %-14s%s", [2]string{"build date:", version.BuildDate},
		[2]string{"go version:", version.GoVersion}, [2]string{"platform:", version.GoOS + "/" + version.GoArch})
}

// known formats the fields, of a name and a value, whose values are known.
func known(separator, format string, fields ...[2]string) string {
	var texts []string
	for _, field := range fields {
		if field[1] != "" && field[1] != "unknown" {
			texts = append(texts, fmt.Sprintf(format, field[0], field[1]))
		}
	}
	return strings.Join(texts, separator)
}

package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// selection is which targets check probes: those with one of the names and all of the
// labels. Without names every target is meant.
type selection struct {
	// names may have the wildcards * and ?, which also stand for a slash.
	names []string
	// labels are NAME=VALUE, with the same wildcards in VALUE.
	labels []string
}

// from returns the selected targets, in their order. A name or label that selects nothing is
// an error: whoever gates a pipeline with it should not pass by mistake.
func (s selection) from(targets []evidence.Target) ([]evidence.Target, error) {
	var mistakes []error
	selected := targets
	if len(s.names) > 0 {
		found := map[string]bool{}
		for _, name := range s.names {
			matches := matcher(name)
			matching := only(targets, func(t evidence.Target) bool { return matches(t.Name) })
			for _, t := range matching {
				found[t.Name] = true
			}
			if len(matching) == 0 {
				mistakes = append(mistakes, fmt.Errorf("--target %q is not configured; the targets are: %s", name, firstOf(namesOf(targets), maxConfigured)))
			}
		}
		selected = only(selected, func(t evidence.Target) bool { return found[t.Name] })
	}
	for _, label := range s.labels {
		name, value, hasValue := strings.Cut(label, "=")
		if !hasValue || name == "" {
			mistakes = append(mistakes, fmt.Errorf("--label %q is not NAME=VALUE", label))
			continue
		}
		matches := matcher(value)
		selected = only(selected, func(t evidence.Target) bool {
			have, ok := t.Labels[name]
			return ok && matches(have)
		})
	}
	if len(mistakes) == 0 && len(selected) == 0 && len(targets) > 0 {
		mistakes = append(mistakes, fmt.Errorf("no target has --label %s", strings.Join(s.labels, " --label ")))
	}
	return selected, errors.Join(mistakes...)
}

func only(targets []evidence.Target, keep func(evidence.Target) bool) []evidence.Target {
	return slices.DeleteFunc(slices.Clone(targets), func(t evidence.Target) bool { return !keep(t) })
}

// maxConfigured is how many targets an error names.
const maxConfigured = 20

func namesOf(targets []evidence.Target) []string {
	names := make([]string, 0, len(targets))
	for _, t := range targets {
		names = append(names, t.Name)
	}
	return names
}

// matcher matches a text as a whole.
func matcher(pattern string) func(string) bool {
	expression := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile(`^(?s:` + expression + `)$`).MatchString
}

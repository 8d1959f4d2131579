package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/maintenance"
)

// Limits of the targets file; maxTargetsFile is in bytes.
const (
	maxTargetsFile = 8 << 20
	maxTargets     = 5_000
)

// targets reads the targets file, and the maintenance of the targets that have any. The environment gives the defaults, whose mistakes
// are reported once, under the environment's names, and not for every target.
func (env environment) targets(name string) ([]evidence.Target, map[string]maintenance.Windows, []error) {
	mistakes, reported := env.checkDefaults()
	content, err := readTargetsFile(name)
	if err != nil {
		return nil, nil, append(mistakes, fmt.Errorf("%s: %w", env.names.name("TARGETS_FILE"), err))
	}
	r := &fileReader{file: fileName(name)}
	entries := r.read(content)
	mistakes = append(mistakes, r.mistakes...)
	checked := fileChecks{}
	firstLine, labelNames := map[string]int{}, map[string]bool{}
	var targets []evidence.Target
	planned := map[string]maintenance.Windows{}
	for _, e := range entries {
		v, names := e.over(env, reported, r.file)
		target, ownMistakes := resolveTarget(v, names, env.pod, checked)
		var labelMistakes []error
		target.Labels, labelMistakes = resolveLabels(e.labels)
		windows, windowMistakes := resolveWindows(e.windows)
		if len(windows) > 0 {
			planned[target.Name] = windows
		}
		mistakes = slices.Concat(mistakes, ownMistakes, labelMistakes, windowMistakes)
		if first, taken := firstLine[target.Name]; taken && target.Name != "" {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", names.name("TARGET_NAME"), invalid(
				fmt.Sprintf("%q is the name of the target in line %d too", target.Name, first), "a name that no other target has")))
		} else {
			firstLine[target.Name] = e.line
		}
		for label := range target.Labels {
			labelNames[label] = true
		}
		targets = append(targets, target)
	}
	if len(labelNames) > maxLabelNames {
		mistakes = append(mistakes, fmt.Errorf("%s:1: %w", r.file, invalid(fmt.Sprintf("has %d different names of labels", len(labelNames)),
			fmt.Sprintf("up to %d, since every target gets them all", maxLabelNames))))
	}
	return targets, planned, mistakes
}

// checkDefaults checks the defaults of targets by themselves, and returns the keys of
// the mistakes. It ignores inconsistent defaults: the targets may complete them.
func (env environment) checkDefaults() (mistakes []error, reported map[string]bool) {
	_, all := resolveTarget(env.values, env.names, pod{}, fileChecks{})
	reported = map[string]bool{}
	for _, err := range all {
		if m, ok := errors.AsType[*mistake](err); ok && !isInconsistent(err) {
			reported[m.key] = true
			mistakes = append(mistakes, err)
		}
	}
	return mistakes, reported
}

func readTargetsFile(name string) ([]byte, error) {
	const allowed = "the path of a YAML file with a list of targets"
	content, err := readRegular(name, maxTargetsFile)
	if err != nil {
		return nil, allowing(err, allowed)
	}
	return content, nil
}

// fileName is the name of the file in errors.
func fileName(path string) string {
	if name := shown(path); name == path {
		return name
	}
	return "the targets file"
}

// fileTarget is one unparsed target of the file.
type fileTarget struct {
	line    int
	values  values // only of the keys that the file sets
	lines   map[string]int
	labels  []labelText
	windows []windowText
}

// over returns the values of the target and the environment's defaults for the rest.
// An empty key of the file means the built-in default.
func (e fileTarget) over(env environment, reported map[string]bool, file string) (values, keyNames) {
	v := maps.Clone(env.values)
	names := keyNames{names: map[string]string{}, inherited: map[string]bool{}, reported: map[string]bool{}}
	for _, s := range targetSpecs {
		value, given := e.values[s.key]
		switch {
		case given:
			names.names[s.key] = fmt.Sprintf("%s:%d: %s", file, e.lines[s.key], s.fileKey())
			v[s.key] = cmp.Or(value, s.builtIn)
			continue
		case v[s.key] != s.builtIn:
			names.names[s.key] = fmt.Sprintf("%s:%d: %s (from %s)", file, e.line, s.fileKey(), env.names.name(s.key))
		}
		names.inherited[s.key], names.reported[s.key] = true, reported[s.key]
	}
	names.other = func(key string) string { return fmt.Sprintf("%s:%d: %s", file, e.line, specs[indexOf(key)].fileKey()) }
	return v, names
}

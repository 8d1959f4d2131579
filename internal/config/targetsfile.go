package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/localfile"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Bounds of the targets file.
const (
	maxTargetsFile = 8 << 20
	maxTargets     = 5_000
)

// targets reads the targets file. The environment gives the defaults; the mistakes
// in it are told once, under its own names, and not for every target.
func (env environment) targets(file string) ([]evidence.Target, []error) {
	mistakes, refused := env.mistakenDefaults()
	content, err := readTargetsFile(file)
	if err != nil {
		return nil, append(mistakes, fmt.Errorf("%s: %w", env.place.name("TARGETS_FILE"), err))
	}
	r := &fileReader{file: fileName(file)}
	entries := r.read(content)
	mistakes = append(mistakes, r.mistakes...)
	checked := pems{}
	names, labels := map[string]int{}, map[string]bool{}
	var targets []evidence.Target
	for _, e := range entries {
		text, at := e.over(env, refused, r.file)
		target, wrongs := resolve(text, at, env.pod, checked)
		l := &resolver{place: at}
		target.Labels = l.labels(e.labels)
		wrongs = append(wrongs, l.mistakes...)
		if first, twice := names[target.Name]; twice && target.Name != "" {
			wrongs = append(wrongs, &mistake{"TARGET_NAME", at.name("TARGET_NAME"), wrong(
				fmt.Sprintf("%q is the name of the target in line %d too", target.Name, first), "a name that no other target has")})
		} else {
			names[target.Name] = e.line
		}
		for name := range target.Labels {
			labels[name] = true
		}
		targets, mistakes = append(targets, target), append(mistakes, wrongs...)
	}
	if len(labels) > maxLabelNames {
		mistakes = append(mistakes, fmt.Errorf("%s:1: %w", r.file, wrong(fmt.Sprintf("has %d different names of labels", len(labels)),
			fmt.Sprintf("up to %d, since every target gets them all", maxLabelNames))))
	}
	return targets, mistakes
}

// mistakenDefaults judges what the environment says of targets by itself. What may
// be missing, or not fit together, the file may mend.
func (env environment) mistakenDefaults() (mistakes []error, refused map[string]bool) {
	_, all := resolve(env.target, env.place, pod{}, pems{})
	refused = map[string]bool{}
	for _, err := range all {
		m, known := errors.AsType[*mistake](err)
		if _, mendable := errors.AsType[*togetherWrong](err); mendable || !known {
			continue
		}
		refused[m.key] = true
		mistakes = append(mistakes, err)
	}
	return mistakes, refused
}

func readTargetsFile(path string) ([]byte, error) {
	const allowed = "the path of a YAML file with a list of targets"
	content, err := localfile.Read(path, maxTargetsFile)
	if err != nil {
		return nil, unreadable(path, err, allowed)
	}
	return content, nil
}

// fileName is how errors call the file.
func fileName(path string) string {
	if name := shown(path); name == path {
		return name
	}
	return "the targets file"
}

// entry is one target of the file, unjudged.
type entry struct {
	line   int
	values map[string]string // by key, as the environment has it
	lines  map[string]int
	labels []labelText
}

// over lays the target over the environment's defaults. A key that is empty in the
// file is as if the environment did not set it either.
func (e entry) over(env environment, refused map[string]bool, file string) (targetText, place) {
	text := env.target
	at := place{names: map[string]string{}, inherited: map[string]bool{}, refused: map[string]bool{}}
	defaults := builtIn()
	for _, key := range targetKeys {
		field := fieldOf(&text, key)
		value, given := e.values[key]
		switch {
		case given:
			at.names[key] = fmt.Sprintf("%s:%d: %s", file, e.lines[key], fileKey(key))
			if value == "" {
				value = fieldOf(&defaults, key).String()
			}
			field.SetString(value)
			continue
		case field.String() != fieldOf(&defaults, key).String():
			at.names[key] = fmt.Sprintf("%s:%d: %s (from %s)", file, e.line, fileKey(key), env.place.name(key))
		}
		at.inherited[key], at.refused[key] = true, refused[key]
	}
	at.other = func(key string) string { return fmt.Sprintf("%s:%d: %s", file, e.line, fileKey(key)) }
	return text, at
}

// targetKeys are the keys of a target without prefix, in the order of targetText.
var targetKeys = func() []string {
	var keys []string
	for _, v := range targetVariables {
		keys = append(keys, strings.TrimPrefix(v.name, prefix))
	}
	return keys
}()

// fileKey is the name of a key in the targets file.
func fileKey(key string) string {
	if key == "TARGET_NAME" {
		return "name"
	}
	return strings.ToLower(key)
}

func fieldOf(text *targetText, key string) reflect.Value {
	for i, k := range targetKeys {
		if k == key {
			return reflect.ValueOf(text).Elem().Field(i)
		}
	}
	panic("no key " + key)
}

// builtIn is a target of which nothing is set.
func builtIn() (text targetText) {
	fields := reflect.ValueOf(&text).Elem()
	for i := range fields.NumField() {
		fields.Field(i).SetString(fields.Type().Field(i).Tag.Get("default"))
	}
	return text
}

package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"vault-k8s-auth-exporter/probe"
)

// Bounds of the targets file.
const (
	maxTargetsFile = 8 << 20
	maxTargets     = 5_000
)

// targets reads the targets file. The environment gives the defaults; the mistakes
// in it are told once, under its own names, and not for every target.
func (env environment) targets(file string) ([]probe.Target, []error) {
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
	var targets []probe.Target
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
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreadable(path, err, allowed)
	}
	if !info.Mode().IsRegular() {
		return nil, wrong(shown(path)+" is no regular file", allowed)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err, allowed)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxTargetsFile+1))
	if err != nil {
		return nil, unreadable(path, err, allowed)
	}
	if len(content) > maxTargetsFile {
		return nil, wrong(shown(path)+" is too large", fmt.Sprintf("up to %d MiB", maxTargetsFile>>20))
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

// fileReader reads the shape of the file; what the values mean is the resolver's.
type fileReader struct {
	file     string
	mistakes []error
}

func (f *fileReader) refuse(line int, key string, err error) {
	at := fmt.Sprintf("%s:%d", f.file, max(line, 1))
	if key != "" {
		at += ": " + key
	}
	f.mistakes = append(f.mistakes, fmt.Errorf("%s: %w", at, err))
}

const allowedList = "one YAML list of targets, each a mapping such as - name: prod"

func (f *fileReader) read(content []byte) []entry {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document, more yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		f.refuse(1, "", wrong("holds no target", allowedList))
		return nil
	case err != nil:
		f.refuseSyntax(err)
		return nil
	}
	switch err := decoder.Decode(&more); {
	case err == nil:
		f.refuse(more.Line, "", wrong("holds a second document", allowedList))
	case !errors.Is(err, io.EOF):
		f.refuseSyntax(err)
	}
	return f.list(document.Content[0])
}

var atLine = regexp.MustCompile(`line ([0-9]+): `)

// refuseSyntax keeps the line of the library's error and not its words, which may
// repeat the file's.
func (f *fileReader) refuseSyntax(err error) {
	line := 1
	if match := atLine.FindStringSubmatch(err.Error()); match != nil {
		fmt.Sscan(match[1], &line)
	}
	f.refuse(line, "", wrong("is no YAML from here on", allowedList))
}

func (f *fileReader) list(root *yaml.Node) []entry {
	switch {
	case root.Kind != yaml.SequenceNode:
		f.refuse(root.Line, "", wrong("is "+kindOf(root), allowedList))
		return nil
	case len(root.Content) == 0:
		f.refuse(root.Line, "", wrong("holds no target", allowedList))
	case len(root.Content) > maxTargets:
		f.refuse(root.Line, "", wrong(fmt.Sprintf("holds %d targets", len(root.Content)), fmt.Sprintf("up to %d", maxTargets)))
		return nil
	}
	var entries []entry
	for _, item := range root.Content {
		if item.Kind != yaml.MappingNode {
			f.refuse(item.Line, "", wrong("is "+kindOf(item), "a mapping of keys, such as name: prod"))
			continue
		}
		entries = append(entries, f.entry(item))
	}
	return entries
}

func (f *fileReader) entry(item *yaml.Node) entry {
	e := entry{line: item.Line, values: map[string]string{}, lines: map[string]int{}}
	f.eachPair(item, "", func(key, value *yaml.Node) {
		if key.Value == "labels" {
			e.labels = f.labels(value)
			return
		}
		for _, known := range targetKeys {
			if fileKey(known) == key.Value {
				if text, ok := f.value(known, value); ok {
					e.values[known] = strings.TrimSpace(text)
				}
				e.lines[known] = key.Line
				return
			}
		}
		f.refuse(key.Line, "", unknownKey(key.Value))
	})
	return e
}

// eachPair calls take for every pair of a mapping whose key is not a repetition.
func (f *fileReader) eachPair(mapping *yaml.Node, below string, take func(key, value *yaml.Node)) {
	first := map[string]int{}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
			f.refuse(key.Line, below, wrong("has "+kindOf(key)+" as a key", "a plain key"))
			continue
		}
		if line, twice := first[key.Value]; twice {
			f.refuse(key.Line, below, wrong(fmt.Sprintf("%s is given twice, in line %d too", quote(key.Value), line), "it once"))
			continue
		}
		first[key.Value] = key.Line
		take(key, value)
	}
}

// value takes a string; FOLLOW_UPS is a boolean, and audiences may be a list.
func (f *fileReader) value(key string, node *yaml.Node) (string, bool) {
	want, allowed := "!!str", "a string; what looks like something else goes into quotes"
	switch {
	case key == "FOLLOW_UPS":
		want, allowed = "!!bool", "true or false"
	case key == "CANARY_AUDIENCES" && node.Kind == yaml.SequenceNode:
		return f.audiences(node)
	}
	if node.Kind != yaml.ScalarNode || node.ShortTag() != want {
		f.refuse(node.Line, fileKey(key), wrong("is "+kindOf(node), allowed))
		return "", false
	}
	if want == "!!bool" {
		return strings.ToLower(node.Value), true
	}
	return node.Value, true
}

func (f *fileReader) audiences(list *yaml.Node) (string, bool) {
	const key, allowed = "canary_audiences", "a list of at least one string, none with a comma"
	var audiences []string
	for _, one := range list.Content {
		if one.Kind != yaml.ScalarNode || one.ShortTag() != "!!str" || strings.TrimSpace(one.Value) == "" || strings.Contains(one.Value, ",") {
			f.refuse(one.Line, key, wrong("has what is no audience", allowed))
			return "", false
		}
		audiences = append(audiences, one.Value)
	}
	if len(audiences) == 0 {
		f.refuse(list.Line, key, wrong("is empty", allowed))
	}
	return strings.Join(audiences, ","), len(audiences) > 0
}

func kindOf(node *yaml.Node) string {
	switch node.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	case yaml.AliasNode:
		return "an alias"
	}
	switch node.ShortTag() {
	case "!!str":
		return "a string"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "a boolean"
	case "!!null":
		return "empty"
	}
	return "of another kind"
}

func unknownKey(key string) error {
	near, slips := "", maxSlips+1
	for _, known := range append([]string{"LABELS"}, targetKeys...) {
		if d := distance(key, fileKey(known)); len(key) <= maxShown && d < slips {
			near, slips = fileKey(known), d
		}
	}
	if near != "" && !mayBeCredential(key) {
		return fmt.Errorf("%s is not known; did you mean %s?", quote(key), near)
	}
	return wrong(quote(key)+" is not known", "the keys in docs/configuration.md")
}

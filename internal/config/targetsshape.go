package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

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

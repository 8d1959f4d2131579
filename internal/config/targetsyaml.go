package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// fileReader reads the structure of the file; the resolver checks the values.
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

func (f *fileReader) read(content []byte) []fileTarget {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document, more yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		f.refuse(1, "", invalid("holds no target", allowedList))
		return nil
	case err != nil:
		f.refuseSyntax(err, content)
		return nil
	}
	switch err := decoder.Decode(&more); {
	case err == nil:
		f.refuse(more.Line, "", invalid("holds a second document", allowedList))
	case !errors.Is(err, io.EOF):
		f.refuseSyntax(err, content)
	}
	return f.list(document.Content[0])
}

// refuseSyntax keeps only the line of the library's error, whose text may quote the
// file. At the end of the file the library counts a line too many.
func (f *fileReader) refuseSyntax(err error, content []byte) {
	line := 1
	if loading, ok := errors.AsType[*yaml.LoadError](err); ok {
		line = min(loading.Mark.Line, 1+bytes.Count(bytes.TrimRight(content, "\n"), []byte("\n")))
	}
	f.refuse(line, "", invalid("is not YAML from here on", allowedList))
}

func (f *fileReader) list(root *yaml.Node) []fileTarget {
	switch {
	case root.Kind != yaml.SequenceNode:
		f.refuse(root.Line, "", invalid("is "+describe(root), allowedList))
		return nil
	case len(root.Content) == 0:
		f.refuse(root.Line, "", invalid("holds no target", allowedList))
	case len(root.Content) > maxTargets:
		f.refuse(root.Line, "", invalid(fmt.Sprintf("holds %d targets", len(root.Content)), fmt.Sprintf("up to %d", maxTargets)))
		return nil
	}
	var targets []fileTarget
	for _, item := range root.Content {
		if item.Kind != yaml.MappingNode {
			f.refuse(item.Line, "", invalid("is "+describe(item), "a mapping of keys, such as name: prod"))
			continue
		}
		targets = append(targets, f.target(item))
	}
	return targets
}

func (f *fileReader) target(item *yaml.Node) fileTarget {
	e := fileTarget{line: item.Line, values: values{}, lines: map[string]int{}}
	f.eachPair(item, "", func(key, value *yaml.Node) {
		switch key.Value {
		case labelsKey:
			e.labels = f.labels(value)
			return
		case maintenanceKey:
			e.windows = f.windows(value)
			return
		}
		i := slices.Index(fileKeys, key.Value)
		if i < 0 {
			f.refuse(key.Line, "", unknownKey(key.Value))
			return
		}
		s := targetSpecs[i]
		if text, ok := f.value(s, value); ok {
			e.values[s.key] = strings.TrimSpace(text)
		}
		e.lines[s.key] = key.Line
	})
	return e
}

// eachPair calls take for every pair of a mapping, and refuses repeated keys.
func (f *fileReader) eachPair(mapping *yaml.Node, below string, take func(key, value *yaml.Node)) {
	first := map[string]int{}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
			f.refuse(key.Line, below, invalid("has "+describe(key)+" as a key", "a plain key"))
			continue
		}
		if line, twice := first[key.Value]; twice {
			f.refuse(key.Line, below, invalid(fmt.Sprintf("%s is given twice, in line %d too", quote(key.Value), line), "it once"))
			continue
		}
		first[key.Value] = key.Line
		take(key, value)
	}
}

// value returns the text of a node that has the form of the variable.
func (f *fileReader) value(s spec, node *yaml.Node) (string, bool) {
	want, allowed := "!!str", "a string; what looks like something else goes into quotes"
	switch {
	case s.form == formBoolean:
		want, allowed = "!!bool", "true or false"
	case s.form == formList && node.Kind == yaml.SequenceNode:
		return f.items(s, node)
	}
	if node.Kind != yaml.ScalarNode || node.ShortTag() != want {
		f.refuse(node.Line, s.fileKey(), invalid("is "+describe(node), allowed))
		return "", false
	}
	if s.form == formBoolean {
		return strings.ToLower(node.Value), true
	}
	return node.Value, true
}

// items joins a list with commas, as in the environment.
func (f *fileReader) items(s spec, list *yaml.Node) (string, bool) {
	const allowed = "a list of at least one string, none with a comma"
	var items []string
	for _, one := range list.Content {
		if one.Kind != yaml.ScalarNode || one.ShortTag() != "!!str" || strings.TrimSpace(one.Value) == "" || strings.Contains(one.Value, ",") {
			f.refuse(one.Line, s.fileKey(), invalid("has an item that is not allowed", allowed))
			return "", false
		}
		items = append(items, one.Value)
	}
	if len(items) == 0 {
		f.refuse(list.Line, s.fileKey(), invalid("is empty", allowed))
	}
	return strings.Join(items, ","), len(items) > 0
}

func describe(node *yaml.Node) string {
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
	if len(key) <= maxShown && !mayBeCredential(key) {
		if near := nearest(key, fileKeys); near != "" {
			return fmt.Errorf("%s is not known; did you mean %s?", quote(key), near)
		}
	}
	return invalid(quote(key)+" is not known", "the keys in docs/configuration.md")
}

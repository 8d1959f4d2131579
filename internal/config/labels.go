package config

import (
	"fmt"
	"regexp"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Bounds of the labels: they are on a series of every target.
const (
	maxLabels     = 8
	maxLabelNames = 32 // of all targets together
	maxLabelValue = 128
)

// labelText is one label as it was written down.
type labelText struct{ name, key, value string }

// labels reads the shape of a target's labels.
func (f *fileReader) labels(node *yaml.Node) []labelText {
	const allowed = "a mapping of names to strings"
	if node.Kind != yaml.MappingNode {
		f.refuse(node.Line, "labels", wrong("is "+kindOf(node), allowed))
		return nil
	}
	var labels []labelText
	f.eachPair(node, "labels", func(key, value *yaml.Node) {
		if value.Kind != yaml.ScalarNode || value.ShortTag() != "!!str" {
			f.refuse(value.Line, "labels", wrong(quote(key.Value)+" is "+kindOf(value), allowed+"; what looks like something else goes into quotes"))
			return
		}
		labels = append(labels, labelText{fmt.Sprintf("%s:%d: labels", f.file, key.Line), key.Value, value.Value})
	})
	return labels
}

var labelName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,62}$`)

// labels judges a target's labels, which become label_NAME on target_info.
func (r *resolver) labels(written []labelText) map[string]string {
	if len(written) == 0 {
		return nil
	}
	if len(written) > maxLabels {
		r.mistakes = append(r.mistakes, &mistake{"LABELS", written[0].name,
			wrong(fmt.Sprintf("are %d", len(written)), fmt.Sprintf("up to %d for a target", maxLabels))})
	}
	labels := map[string]string{}
	for _, l := range written {
		if err := label(l.key, l.value); err != nil {
			r.mistakes = append(r.mistakes, &mistake{"LABELS", l.name, err})
		}
		labels[l.key] = l.value
	}
	return labels
}

func label(key, value string) error {
	switch {
	case isCredential(key) || isCredential(value):
		return wrong("hold a credential, or what looks like one, which is not repeated here", "no credential in a label")
	case !labelName.MatchString(key):
		return wrong(quote(key)+" is no name of a label", "up to 63 letters, digits and _ that begin with a letter")
	case value == "" || utf8.RuneCountInString(value) > maxLabelValue:
		return wrong(quote(key)+" is empty or too long", fmt.Sprintf("1 to %d characters", maxLabelValue))
	}
	for _, c := range value {
		if c == unicode.ReplacementChar || !unicode.IsPrint(c) {
			return wrong(quote(key)+" has a character that cannot be printed", "printable characters")
		}
	}
	return nil
}

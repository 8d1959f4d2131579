package config

import (
	"fmt"
	"regexp"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// labelsKey is a key of the targets file that has no variable.
const labelsKey = "labels"

// Limits of the labels, which are on a series of every target.
const (
	maxLabels     = 8
	maxLabelNames = 32 // of all targets together
	maxLabelValue = 128
)

// labelText is one unparsed label; name says where it is.
type labelText struct{ name, key, value string }

// labels reads the labels of a target.
func (f *fileReader) labels(node *yaml.Node) []labelText {
	const allowed = "a mapping of names to strings"
	if node.Kind != yaml.MappingNode {
		f.refuse(node.Line, labelsKey, invalid("is "+describe(node), allowed))
		return nil
	}
	var labels []labelText
	f.eachPair(node, labelsKey, func(key, value *yaml.Node) {
		if value.Kind != yaml.ScalarNode || value.ShortTag() != "!!str" {
			f.refuse(value.Line, labelsKey, invalid(quote(key.Value)+" is "+describe(value), allowed+"; what looks like something else goes into quotes"))
			return
		}
		labels = append(labels, labelText{fmt.Sprintf("%s:%d: %s", f.file, key.Line, labelsKey), key.Value, value.Value})
	})
	return labels
}

const labelNamePattern = `^[A-Za-z][A-Za-z0-9_]{0,62}$`

var labelName = regexp.MustCompile(labelNamePattern)

// resolveLabels checks a target's labels, which become label_NAME on target_labels.
func resolveLabels(written []labelText) (labels map[string]string, mistakes []error) {
	if len(written) == 0 {
		return nil, nil
	}
	if len(written) > maxLabels {
		mistakes = append(mistakes, fmt.Errorf("%s: %w", written[0].name,
			invalid(fmt.Sprintf("are %d", len(written)), fmt.Sprintf("up to %d for a target", maxLabels))))
	}
	labels = map[string]string{}
	for _, l := range written {
		if err := checkLabel(l.key, l.value); err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", l.name, err))
		}
		labels[l.key] = l.value
	}
	return labels, mistakes
}

func checkLabel(key, value string) error {
	switch {
	case isCredential(key) || isCredential(value):
		return invalid("hold a credential, or what looks like one, which is not repeated here", "no credential in a label")
	case !labelName.MatchString(key):
		return invalid(quote(key)+" is not a valid label name", "up to 63 letters, digits and _ that begin with a letter")
	case value == "" || utf8.RuneCountInString(value) > maxLabelValue:
		return invalid(quote(key)+" is empty or too long", fmt.Sprintf("1 to %d characters", maxLabelValue))
	}
	for _, c := range value {
		if c == unicode.ReplacementChar || !unicode.IsPrint(c) {
			return invalid(quote(key)+" has a character that cannot be printed", "printable characters")
		}
	}
	return nil
}

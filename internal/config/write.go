package config

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Write prints the configuration in a form that [Load] resolves to the same again:
// lines VARIABLE=value that need no quotes, where an empty value means unset. With a
// targets file it prints a targets file for the same environment, and the variables
// of the process as comments.
func (c Config) Write(w io.Writer) error {
	var text bytes.Buffer
	comment := ""
	if c.TargetsFile != "" {
		comment = "# "
	} else if len(c.Targets) > 0 {
		for _, v := range targetVariables {
			fmt.Fprintf(&text, "%s=%s\n", v.name(), v.format(c.Targets[0]))
		}
	}
	for _, v := range processVariables {
		fmt.Fprintf(&text, "%s%s=%s\n", comment, v.name(), v.format(c))
	}
	if c.TargetsFile != "" {
		if err := c.writeTargets(&text); err != nil {
			return fmt.Errorf("writing configuration: %w", err)
		}
	}
	if _, err := w.Write(text.Bytes()); err != nil {
		return fmt.Errorf("writing configuration: %w", err)
	}
	return nil
}

func (c Config) writeTargets(w io.Writer) error {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for _, t := range c.Targets {
		list.Content = append(list.Content, c.mapping(t))
	}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(list); err != nil {
		return err
	}
	return encoder.Close()
}

// mapping is a target in the targets file, without the empty keys that have no
// default in the environment.
func (c Config) mapping(t evidence.Target) *yaml.Node {
	mapping := &yaml.Node{Kind: yaml.MappingNode}
	add := func(key string, value *yaml.Node) {
		mapping.Content = append(mapping.Content, scalar("!!str", key), value)
	}
	for _, v := range targetVariables {
		switch value := v.format(t); {
		case value == "" && c.env.values[v.key] == "":
		case v.form == formBoolean:
			add(v.fileKey(), scalar("!!bool", value))
		case v.form == formList && value != "":
			list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
			for one := range strings.SplitSeq(value, ",") {
				list.Content = append(list.Content, scalar("!!str", one))
			}
			add(v.fileKey(), list)
		default:
			add(v.fileKey(), scalar("!!str", value))
		}
	}
	if len(t.Labels) > 0 {
		labels := &yaml.Node{Kind: yaml.MappingNode}
		for _, name := range slices.Sorted(maps.Keys(t.Labels)) {
			labels.Content = append(labels.Content, scalar("!!str", name), scalar("!!str", t.Labels[name]))
		}
		add(labelsKey, labels)
	}
	if windows := c.Maintenance[t.Name]; len(windows) > 0 {
		add(maintenanceKey, maintenanceNode(windows))
	}
	return mapping
}

func scalar(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}

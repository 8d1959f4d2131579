package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// valuesTable matches the table of values in the chart's README.
var valuesTable = regexp.MustCompile(`(?s)(<!-- generated: values -->\n).*?(<!-- end -->)`)

// TestREADMEListsTheValues compares the table in the chart's README with values.yaml. With -update it writes the table.
func TestREADMEListsTheValues(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(chartDir, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	table := "| value | default | |\n|---|---|---|\n" + rows(t, "", "", document.Content[0])

	path := filepath.Join(chartDir, "README.md")
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !valuesTable.Match(readme) {
		t.Fatalf("%s has no place for the table", path)
	}
	want := valuesTable.ReplaceAllString(string(readme), "${1}"+strings.ReplaceAll(table, "$", "$$")+"$2")
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(readme) {
		t.Errorf("%s differs from values.yaml; run make chart", path)
	}
}

// rows returns a row for each value of a mapping. A mapping in block style has a row for each of its keys; one in flow style is a value.
// about describes the mapping, for keys that need no description of their own.
func rows(t *testing.T, prefix, about string, mapping *yaml.Node) string {
	t.Helper()
	var table strings.Builder
	for i := 0; i < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		name, text := prefix+key.Value, description(key)
		if text == "" {
			text = about
		}
		switch {
		case value.Kind == yaml.AliasNode:
			fmt.Fprintf(&table, "| `%s` | | %s |\n", name, text)
		case value.Kind == yaml.MappingNode && value.Style&yaml.FlowStyle == 0 && !isExample[name]:
			table.WriteString(rows(t, name+".", text, value))
		case text == "":
			t.Errorf("values.yaml does not describe %s", name)
		default:
			fmt.Fprintf(&table, "| `%s` | `%s` | %s |\n", name, inline(t, value), strings.ReplaceAll(text, "|", `\|`))
		}
	}
	return table.String()
}

// isExample are mappings of Kubernetes' own, whose keys are no values of the chart.
var isExample = map[string]bool{"podSecurityContext": true, "securityContext": true, "resources": true}

// description returns the paragraph of the comment that belongs to a key: the last one, because others are headings.
func description(key *yaml.Node) string {
	paragraphs := strings.Split(key.HeadComment, "\n\n")
	var words []string
	for line := range strings.Lines(paragraphs[len(paragraphs)-1]) {
		words = append(words, strings.Fields(strings.TrimPrefix(line, "#"))...)
	}
	return strings.Join(words, " ")
}

// inline returns a value on one line.
func inline(t *testing.T, value *yaml.Node) string {
	t.Helper()
	flow := *value
	flow.HeadComment, flow.LineComment, flow.FootComment = "", "", ""
	flow.Style |= yaml.FlowStyle
	if value.Kind == yaml.ScalarNode {
		flow.Style = value.Style
	}
	text, err := yaml.Marshal(&flow)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(text)), " ")
}

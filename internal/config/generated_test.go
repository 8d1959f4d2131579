package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

var update = flag.Bool("update", false, "write the generated parts anew")

// generated are the parts of files that repeat the tables of variables. Each stands
// between the lines begin and end of the same indentation, which are expressions.
var generated = []struct {
	file, begin, end string
	content          func(indent string) string
}{
	{docs, `<!-- generated: targets -->`, `<!-- end -->`, targetsTable},
	{docs, `<!-- generated: process -->`, `<!-- end -->`, processTable},
	{schemaFile, schemaBegin, `}`, properties},
	{chart + "values.schema.json", schemaBegin, `}`, properties},
	{chart + "templates/_config.tpl", `\{\{- /\* generated: .*`, `\{\{- /\* end \*/ -}}`, chartValues},
}

const (
	docs        = "../../docs/configuration.md"
	chart       = "../../deploy/helm/vault-k8s-auth-exporter/"
	schemaBegin = `"\$comment": "generated: .*\n *"properties": \{`
)

func TestGeneratedParts(t *testing.T) {
	for _, g := range generated {
		old := readAll(t, g.file)
		updated := fill(old, g.begin, g.end, g.content)
		if updated == "" {
			t.Fatalf("%s has no part between %s and %s", g.file, g.begin, g.end)
		}
		if *update {
			if err := os.WriteFile(g.file, []byte(updated), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(strings.Split(updated, "\n"), strings.Split(old, "\n")); diff != "" {
			t.Errorf("%s is stale (-table +file); go test ./internal/config -update writes it anew:\n%s", g.file, diff)
		}
	}
}

// fill replaces what is between two lines, and returns nothing where they are not.
func fill(text, begin, end string, content func(indent string) string) string {
	first := regexp.MustCompile(`(?m)^( *)` + begin + `\n`).FindStringSubmatchIndex(text)
	if first == nil {
		return ""
	}
	indent, rest := text[first[2]:first[3]], text[first[1]:]
	last := regexp.MustCompile(`(?m)^` + indent + end).FindStringIndex(rest)
	if last == nil {
		return ""
	}
	return text[:first[1]] + content(indent) + rest[last[0]:]
}

func targetsTable(string) string {
	var text strings.Builder
	var credentials []string
	text.WriteString("| variable | key | default | meaning | allowed | example |\n|---|---|---|---|---|---|\n")
	for _, s := range targetSpecs {
		fmt.Fprintf(&text, "| `%s` | `%s` | %s | %s | %s | `%s` |\n", s.name(), s.fileKey(), whenUnset(s), s.doc, allowedCell(s), s.example)
		if s.credential {
			credentials = append(credentials, "`"+s.name()+"`")
		}
	}
	last := len(credentials) - 1
	fmt.Fprintf(&text, "\nThe files of %s and %s hold credentials.\n", strings.Join(credentials[:last], ", "), credentials[last])
	return text.String()
}

func processTable(string) string {
	var text strings.Builder
	text.WriteString("| variable | default | meaning | allowed | example |\n|---|---|---|---|---|\n")
	for _, s := range specs[len(targetSpecs):] {
		fmt.Fprintf(&text, "| `%s` | %s | %s | %s | `%s` |\n", s.name(), whenUnset(s), s.doc, allowedCell(s), s.example)
	}
	return text.String()
}

// allowedCell leaves out the example of an error, since the tables have their own.
func allowedCell(s spec) string {
	if s.enum != nil {
		return "`" + strings.Join(s.enum, "`, `") + "`"
	}
	allowed, _, _ := strings.Cut(s.allowed, ", such as ")
	return allowed
}

// whenUnset is what the tables say under "default".
func whenUnset(s spec) string {
	var sources []string // that need the key
	for source, needed := range needsOf[chooserOf[s.key]] {
		if needed == s.key {
			sources = append(sources, "`"+string(source)+"`")
		}
	}
	slices.Sort(sources)
	switch {
	case s.builtIn != "":
		return "`" + s.builtIn + "`"
	case len(sources) > 0:
		return "required with " + strings.Join(sources, ", ")
	case s.unset == "" && s.required:
		return "required"
	}
	return s.unset
}

// property is what the JSON Schema says of one key.
type property struct {
	Type                 string              `json:"type,omitempty"`
	Description          string              `json:"description,omitempty"`
	Enum                 []string            `json:"enum,omitempty"`
	Pattern              string              `json:"pattern,omitempty"`
	OneOf                []property          `json:"oneOf,omitempty"`
	MinItems             int                 `json:"minItems,omitempty"`
	Items                *property           `json:"items,omitempty"`
	MinLength            int                 `json:"minLength,omitempty"`
	MaxLength            int                 `json:"maxLength,omitempty"`
	MaxProperties        int                 `json:"maxProperties,omitempty"`
	PropertyNames        *property           `json:"propertyNames,omitempty"`
	AdditionalProperties any                 `json:"additionalProperties,omitempty"`
	MaxItems             int                 `json:"maxItems,omitempty"`
	Properties           map[string]property `json:"properties,omitempty"`
}

// properties are those of a target in the targets file, one a line.
func properties(indent string) string {
	var lines []string
	add := func(key string, s property) {
		lines = append(lines, fmt.Sprintf("%s  %q: %s", indent, key, oneLine(s)))
	}
	for _, s := range targetSpecs {
		add(s.fileKey(), propertyOf(s))
	}
	add(labelsKey, property{
		Type: "object", Description: "labels on target_labels, as label_NAME", MaxProperties: maxLabels,
		PropertyNames:        &property{Pattern: labelNamePattern},
		AdditionalProperties: &property{Type: "string", MinLength: 1, MaxLength: maxLabelValue},
	})
	window := map[string]property{
		"begin":    {Type: "string", Description: "RFC 3339"},
		"end":      {Type: "string", Description: "RFC 3339, after the begin"},
		"schedule": {Type: "string", Description: "days and times, such as Sun 02:00-04:00", Pattern: schedulePattern},
		"timezone": {Type: "string", Description: "of the schedule, such as Europe/Berlin; UTC if it is left out"},
		"comment":  {Type: "string", MaxLength: maxComment},
	}
	add(maintenanceKey, property{
		Type: "array", Description: "planned maintenance: begin and end, or a schedule", MaxItems: maxWindows,
		Items: &property{Type: "object", AdditionalProperties: false, Properties: window},
	})
	return strings.Join(lines, ",\n") + "\n"
}

const schedulePattern = `^(daily|(Sun|Mon|Tue|Wed|Thu|Fri|Sat)([,-](Sun|Mon|Tue|Wed|Thu|Fri|Sat))*) [0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$`

// propertyOf permits the empty string too, which is the built-in default.
func propertyOf(s spec) property {
	text := property{Type: "string", Description: withoutMarkdown(s.doc), Pattern: s.pattern}
	if s.enum != nil {
		text.Enum = append([]string{""}, s.enum...)
	}
	switch s.form {
	case formBoolean:
		text.Type = "boolean"
	case formList:
		item := property{Type: "string", Pattern: `^[^,\s@]+$`}
		return property{Description: text.Description, OneOf: []property{{Type: "string"}, {Type: "array", MinItems: 1, Items: &item}}}
	}
	return text
}

func withoutMarkdown(text string) string {
	return strings.ReplaceAll(regexp.MustCompile(`\[(.*?)\]\(.*?\)`).ReplaceAllString(text, "$1"), "`", "")
}

func oneLine(s property) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(s); err != nil {
		panic(err) // strings and numbers always encode
	}
	line := regexp.MustCompile(`\n *`).ReplaceAllString(strings.TrimSpace(text.String()), " ")
	return strings.NewReplacer("{ \"", "{\"", " }", "}", "[ ", "[", " ]", "]").Replace(line)
}

// chartValues is the dictionary of the values that the chart sets.
func chartValues(string) string {
	text := "{{- $all := dict"
	for _, s := range specs {
		if s.chart != "" {
			text += fmt.Sprintf("\n  %q %s", s.key, s.chart)
		}
	}
	return text + " -}}\n"
}

// What the table says of a variable is complete, and its example is taken.
func TestEveryVariableIsExplained(t *testing.T) {
	for _, v := range targetVariables {
		var into evidence.Target
		explained(t, v.spec, v.parse(&into, v.example))
	}
	for _, v := range processVariables {
		var into Config
		explained(t, v.spec, v.parse(&into, v.example))
	}
}

func explained(t *testing.T, s spec, mistake error) {
	t.Helper()
	if s.doc == "" || s.allowed == "" || s.example == "" || whenUnset(s) == "" {
		t.Errorf("%s: not explained in %+v", s.key, s)
	}
	if mistake != nil || s.example == s.builtIn {
		t.Errorf("%s: the example %s is the default, or is refused: %v", s.key, s.example, mistake)
	}
}

func TestExampleOfTheTargetsFile(t *testing.T) {
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(readAll(t, docs))
	if example == nil {
		t.Fatal("there is no example")
	}
	c := mustLoad(t, withFile(targetsFile(t, example[1])))
	if len(c.Targets) != 2 || c.Targets[0].Labels["team"] != "payments" {
		t.Errorf("got %+v", c.Targets)
	}
}

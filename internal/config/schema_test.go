package config

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

const schemaFile = "../../deploy/targets.schema.json"

// The parser judges the same documents in [TestDocuments].
func TestSchemaJudgesAsTheParser(t *testing.T) {
	file, err := os.Open(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	content, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("targets.schema.json", content); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("targets.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range documents {
		if d.beyond {
			continue
		}
		t.Run(d.name, func(t *testing.T) {
			var document any
			if err := yaml.Unmarshal([]byte(d.content), &document); err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(document); (err == nil) != (d.want == "") {
				t.Errorf("the schema says %v, the parser %q", err, d.want)
			}
		})
	}
}

// notEmpty are the keys whose values in values.yaml are never empty, which the chart's
// schema demands with a pattern of its own.
var notEmpty = []string{"VAULT_MOUNT", "INTERVAL", "TIMEOUT", "RECHECK_INTERVAL", "EXPIRY_WARNING_TOKENS", "EXPIRY_WARNING_CERTIFICATES", "NEGATIVE_CANARY_INTERVAL"}

// template is the alternative to a pattern for a value that contains a template of Helm.
const template = `|\{\{`

// A value of the chart that sets a variable takes the same strings as the targets file.
func TestChartTakesTheSameStrings(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal([]byte(readAll(t, chart+"values.schema.json")), &root); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, s := range targetSpecs {
		value, direct := strings.CutPrefix(s.chart, "$v.")
		if !direct || slices.Contains(notEmpty, s.key) {
			continue
		}
		compared++
		node := root
		for name := range strings.SplitSeq(value, ".") {
			properties, _ := node["properties"].(map[string]any)
			node, _ = properties[name].(map[string]any)
		}
		if ref, ok := node["$ref"].(string); ok {
			node, _ = root["definitions"].(map[string]any)[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any)
		}
		var got []string
		enum, _ := node["enum"].([]any)
		for _, one := range enum {
			got = append(got, fmt.Sprint(one))
		}
		slices.Sort(got)
		if pattern, _ := node["pattern"].(string); s.enum == nil && strings.TrimSuffix(pattern, template) != s.pattern || !slices.Equal(got, s.enum) {
			t.Errorf("%s: %s has %v, want the pattern %q or the choice of %q", s.key, value, node, s.pattern, s.enum)
		}
	}
	if compared < 10 {
		t.Errorf("%d values were compared, of more than 10", compared)
	}
}

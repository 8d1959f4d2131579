package config

import (
	"os"
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

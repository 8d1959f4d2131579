// Package dashboards holds the Grafana dashboards, for those who check them.
package dashboards

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
)

//go:embed *.json
var files embed.FS

// Dashboard is what the checks look at of Grafana's model.
type Dashboard struct {
	File string `json:"-"`
	Raw  []byte `json:"-"`

	UID, Title, Description string
	Editable                bool
	SchemaVersion           int
	Links                   []Link
	Panels                  []Panel
	Templating              struct{ List []Variable }
}

// Link leads from a dashboard, or from a cell of a table.
type Link struct{ Title, URL string }

// Variable is one that the reader chooses, or a constant.
type Variable struct {
	Name, Label, Type string
	Query             any
	AllValue          string
	Multi, IncludeAll bool
	Refresh           int
	Datasource        Datasource
	SkipURLSync       bool
	Current           struct{ Value any }
}

// Datasource says where an answer comes from.
type Datasource struct{ Type, UID string }

// Panel is one picture, or the heading of a row of them.
type Panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               Datasource
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []Target
	Transformations          []Transformation
	FieldConfig              struct {
		Defaults  Field
		Overrides []Override
	}
}

// Field says how the values of a panel are shown.
type Field struct {
	Unit, NoValue string
	Mappings      []Mapping
}

// Mapping puts words in place of values.
type Mapping struct {
	Type    string
	Options json.RawMessage
}

// Override is how one column of a table differs from the rest.
type Override struct {
	Matcher    struct{ ID, Options string }
	Properties []struct {
		ID    string
		Value json.RawMessage
	}
}

// Transformation rearranges answers before they are shown.
type Transformation struct {
	ID      string
	Options json.RawMessage
}

// Target is one query of a panel.
type Target struct {
	RefID, Expr, Format string
	Instant, Range      bool
	Datasource          Datasource
}

// All returns every dashboard, by the name of its file.
func All() ([]Dashboard, error) {
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return nil, err
	}
	var all []Dashboard
	for _, name := range names {
		d := Dashboard{File: name}
		if d.Raw, err = files.ReadFile(name); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(d.Raw, &d); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		all = append(all, d)
	}
	return all, nil
}

// Package dashboards embeds the Grafana dashboards, so that tests can check them.
package dashboards

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
)

//go:embed *.json
var files embed.FS

// Dashboard is the part of Grafana's dashboard model that the tests check.
type Dashboard struct {
	File string `json:"-"`
	Raw  []byte `json:"-"`

	UID, Title, Description string
	Editable                bool
	SchemaVersion           int
	Links                   []Link
	Panels                  []Panel
	Templating              struct{ List []Variable }
	Annotations             struct{ List []Annotation }
}

// Annotation marks points in time in all graphs.
type Annotation struct {
	Name, Expr      string
	Enable          bool
	UseValueForTime bool
	Datasource      Datasource
}

// Link is a link of a dashboard or of a table cell.
type Link struct{ Title, URL string }

// Variable is a template variable: one that the user chooses, or a constant.
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

// Datasource identifies the data source of a query.
type Datasource struct{ Type, UID string }

// Panel is one panel, or the heading of a row of panels.
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

// Field is how a panel's values are displayed.
type Field struct {
	Unit, NoValue string
	Mappings      []Mapping
	Thresholds    struct{ Steps []Step }
}

// Step is the colour from a value on. It is nil in the first step.
type Step struct {
	Color string
	Value *float64
}

// Mapping replaces values with text.
type Mapping struct {
	Type    string
	Options json.RawMessage
}

// Override changes how one column of a table is displayed.
type Override struct {
	Matcher    struct{ ID, Options string }
	Properties []struct {
		ID    string
		Value json.RawMessage
	}
}

// Transformation rearranges query results before they are displayed.
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

// All returns every dashboard, ordered by file name.
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

package config

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// spec describes a variable. The environment, the targets file, `exporter config`,
// docs/configuration.md, the JSON schemas and the chart follow from it.
type spec struct {
	// key is the name in the environment without EXPORTER_, and in lower case the key
	// of the targets file unless fileName is another.
	key, fileName string
	// builtIn is the default; unset says what an unset variable without one means.
	builtIn, unset string
	required       bool
	// missing replaces allowed in the error about a required value that is not set.
	missing string
	// wellKnown makes the key count without EXPORTER_ too: only for names that every
	// Vault client knows.
	wellKnown bool
	// doc says what the value means, in Markdown.
	doc, example string
	// chart is the value's expression in the Helm chart, empty where
	// templates/_config.tpl sets the variable by hand.
	chart string

	shape
}

// shape is what the values of a kind look like.
type shape struct {
	// allowed completes "allowed: " in an error.
	allowed string
	form    form
	// url permits URLs.
	url bool
	// pattern and enum are keywords of the JSON schema of the targets file.
	pattern string
	enum    []string
	// content checks the content of the file that the value names.
	content func([]byte) error
	// credential says that the file holds one.
	credential bool
}

// form is how a value is written in the targets file.
type form int

const (
	formString form = iota
	formBoolean
	formList // or a string with commas
)

// kind is a kind of values: how one is parsed and formatted. Parse is not called with
// an empty text, nor, unless url is set, with one that contains "://".
type kind[V any] struct {
	shape
	parse  func(string) (V, error)
	format func(V) string
}

// variable is a variable and its field in T.
type variable[T any] struct {
	spec
	parse  func(into *T, value string) error
	format func(T) string
}

// define makes the row of a table: the variable s is of kind k and stored in field.
func define[T, V any](s spec, k kind[V], field func(*T) *V) variable[T] {
	s.shape = k.shape
	return variable[T]{
		spec: s,
		parse: func(into *T, value string) error {
			parsed, err := k.parse(value)
			if err == nil {
				*field(into) = parsed
			}
			return err
		},
		format: func(from T) string { return k.format(*field(&from)) },
	}
}

// name is the variable's name in the environment.
func (s spec) name() string { return prefix + s.key }

// fileKey is its key in the targets file.
func (s spec) fileKey() string { return cmp.Or(s.fileName, strings.ToLower(s.key)) }

// specs are in the order in which the variables are documented, targetSpecs first.
var (
	targetSpecs   = collect(targetVariables, func(v variable[evidence.Target]) spec { return v.spec })
	specs         = slices.Concat(targetSpecs, collect(processVariables, func(v variable[Config]) spec { return v.spec }))
	variableNames = collect(specs, spec.name)
	fileKeys      = append(collect(targetSpecs, spec.fileKey), labelsKey, maintenanceKey)
)

func collect[T, V any](list []T, of func(T) V) []V {
	collected := make([]V, len(list))
	for i, one := range list {
		collected[i] = of(one)
	}
	return collected
}

// indexOf is the place of a key among the specs.
func indexOf(key string) int {
	return slices.IndexFunc(specs, func(s spec) bool { return s.key == key })
}

// values are the unparsed values by key. What is not set is the built-in default, or
// empty.
type values map[string]string

// plain formats what is text already.
func plain[V ~string](value V) string { return string(value) }

package config

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
)

// spec is what is known of a variable: the environment, the targets file, `exporter
// config`, docs/configuration.md, the JSON schemas and the chart follow from it.
type spec struct {
	// key is the name in the environment without EXPORTER_, and in lower case the key
	// of the targets file unless fileName is another.
	key, fileName string
	// builtIn is the default, as it is written; unset is in words what happens without
	// one.
	builtIn, unset string
	required       bool
	// missing is what is allowed where a required value is not set, if that is more
	// than what is allowed otherwise.
	missing string
	// wellKnown makes the key count without EXPORTER_ too. Only names that every Vault
	// client knows may.
	wellKnown bool
	// doc is what the value means, in Markdown, as the pages and the schema say it.
	doc, example string
	// chart is the expression in the Helm chart that gives the value, empty where
	// templates/_config.tpl sets it by hand.
	chart string

	shape
}

// shape is what is common to all values of a kind.
type shape struct {
	// allowed completes "allowed: " in an error.
	allowed string
	form    form
	// url says that a value may be a URL, or hold one.
	url bool
	// pattern, or enum, is what the JSON schema of the targets file says of a string.
	pattern string
	enum    []string
	// content judges the content of the file that the value names.
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

// kind is a kind of values: how one is read from text, and written. An empty text
// is never read: the variable is not set.
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

// specs are those of all variables, in the order in which they are documented, the
// first of them those of a target.
var (
	targetSpecs   = collect(targetVariables, func(v variable[probe.Target]) spec { return v.spec })
	specs         = slices.Concat(targetSpecs, collect(processVariables, func(v variable[Config]) spec { return v.spec }))
	variableNames = collect(specs, spec.name)
	fileKeys      = append(collect(targetSpecs, spec.fileKey), labelsKey)
)

func collect[T, V any](list []T, of func(T) V) []V {
	collected := make([]V, len(list))
	for i, one := range list {
		collected[i] = of(one)
	}
	return collected
}

// fileKeyOf is the key in the targets file of a key.
func fileKeyOf(key string) string {
	for _, s := range targetSpecs {
		if s.key == key {
			return s.fileKey()
		}
	}
	return strings.ToLower(key)
}

// values are what is set, by key, unjudged. A variable that is not set has its
// built-in default, or is empty.
type values map[string]string

// plain writes what is text already.
func plain[V ~string](value V) string { return string(value) }

package config

import (
	"cmp"
	"maps"
)

// keyNames are the names of keys in errors: a variable, or file, line and key.
type keyNames struct {
	// names take precedence over other.
	names map[string]string
	other func(key string) string
	// inherited are the keys whose values are defaults from the environment. A target
	// may choose a source that does not use them.
	inherited map[string]bool
	// reported are the keys whose mistakes the environment's name already reports.
	reported map[string]bool
}

func (n keyNames) name(key string) string { return cmp.Or(n.names[key], n.other(key)) }

// noted adds to the name of a key where its value comes from.
func (n keyNames) noted(key, note string) keyNames {
	name := n.name(key) + " (" + note + ")"
	n.names = maps.Clone(n.names)
	if n.names == nil {
		n.names = map[string]string{}
	}
	n.names[key] = name
	return n
}

// variableOf is the name of a key in the environment.
func variableOf(key string) string { return prefix + key }

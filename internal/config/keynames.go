package config

import (
	"cmp"
	"maps"
)

// keyNames are what the keys of a target or of the process are called where a user
// finds them.
type keyNames struct {
	// names are those of keys that other does not name.
	names map[string]string
	other func(key string) string
	// inherited are the keys that come from the environment as defaults: they need
	// not fit what the file says.
	inherited map[string]bool
	// reported are the keys whose mistakes are reported under the environment's name.
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

package config

import (
	"cmp"
	"maps"
)

// place says what the keys of a target or of the process are called where a user
// finds them.
type place struct {
	// names are those of keys that do not go by the name that other makes.
	names map[string]string
	other func(key string) string
	// inherited are the keys that come from the environment as defaults: they need
	// not fit what the file says.
	inherited map[string]bool
	// refused are the keys whose mistakes the environment's own place has told.
	refused map[string]bool
}

func (p place) name(key string) string { return cmp.Or(p.names[key], p.other(key)) }

// noted is the place with a note on where a default of this key comes from.
func (p place) noted(key, note string) place {
	name := p.name(key)
	names := maps.Clone(p.names)
	if names == nil {
		names = map[string]string{}
	}
	names[key] = name + " (" + note + ")"
	p.names = names
	return p
}

// variableOf is the name of a key in the environment.
func variableOf(key string) string { return prefix + key }

package deploy

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestNullsAreNoGoErrors sets each value to null, which in Helm removes it. The chart either treats it as empty, and then renders valid
// objects, or rejects it with the path of the value.
func TestNullsAreNoGoErrors(t *testing.T) {
	var paths [][]string
	var walk func(path []string, v values)
	walk = func(path []string, v values) {
		for _, name := range slices.Sorted(maps.Keys(v)) {
			at := append(slices.Clone(path), name)
			paths = append(paths, at)
			if below, isMap := v[name].(values); isMap {
				walk(at, below)
			}
		}
	}
	walk(nil, load(t).Values)
	rejected := 0
	for _, path := range paths {
		v := with(t, everything)
		for _, name := range []string{"prometheusRule", "vmRule", "grafanaDashboard"} {
			v[name].(values)["enabled"] = path[0] == name || path[0] == "prometheusRule" && name == "vmRule" // rendering them takes most of the time
		}
		setNull(v, path)
		texts, err := renderTexts(t, v)
		if err != nil {
			rejected++
			if !names(err, path) {
				t.Errorf("%s: null: %v", strings.Join(path, "."), err)
			}
			continue
		}
		for _, o := range decodeAll(t, texts) {
			into(t, o, typed(t, o))
			if at := emptyName.FindString(asJSON(t, o.Object)); at != "" {
				t.Errorf("%s: null: %s has %s", strings.Join(path, "."), objectKey(o), at)
			}
		}
	}
	t.Logf("%d of %d nulls are rejected", rejected, len(paths))
}

// emptyName matches what a template makes of a missing value.
var emptyName = regexp.MustCompile(`"[^"]*(\\u003cnil\\u003e|\\u003cno value\\u003e|%!)[^"]*"|"(name|namespace|image)":(""|null)`)

func setNull(v values, path []string) {
	for _, name := range path[:len(path)-1] {
		below, isMap := v[name].(values)
		if !isMap {
			below = values{}
			v[name] = below
		}
		v = below
	}
	v[path[len(path)-1]] = nil
}

// names reports whether an error of the schema or of the chart's own checks names the value.
func names(err error, path []string) bool {
	parent, name := "/"+strings.Join(path[:len(path)-1], "/"), path[len(path)-1]
	if parent == "/" {
		parent = ""
	}
	text := err.Error()
	return strings.Contains(text, "at '"+parent+"': missing propert") && strings.Contains(text, "'"+name+"'") ||
		strings.Contains(text, "\n- ") && strings.Contains(text, strings.Join(path, "."))
}

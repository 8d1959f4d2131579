package config

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const docs = "../../docs/configuration.md"

// documented are the cells of each row that begins with a variable.
func documented(t *testing.T) (rows [][]string) {
	t.Helper()
	for line := range strings.Lines(readAll(t, docs)) {
		if !strings.HasPrefix(line, "| `EXPORTER_") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "| \n"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows
}

// Every variable stands there once, in order, with its key, its default, what is
// allowed, and an example that is not the default.
func TestDocsNameEveryVariable(t *testing.T) {
	target, process := targetText{}, processText{}
	defaults := slices.Concat(defaultsOf(target), defaultsOf(process))
	var names []string
	for i, cells := range documented(t) {
		name := strings.Trim(cells[0], "`")
		names = append(names, name)
		if i >= len(variables) || name != variables[i] {
			continue // told below
		}
		if i < len(targetKeys) {
			if want := "`" + fileKey(targetKeys[i]) + "`"; len(cells) != 5 || cells[1] != want {
				t.Errorf("%s: want the key %s and five cells in %q", name, want, cells)
			}
			cells = slices.Delete(cells, 1, 2)
		}
		if len(cells) != 4 || cells[2] == "" || cells[3] == "" || cells[3] == cells[1] {
			t.Errorf("%s: not explained in %q", name, cells)
			continue
		}
		isValue := strings.HasPrefix(cells[1], "`") && strings.Count(cells[1], "`") == 2 && strings.HasSuffix(cells[1], "`")
		if got := strings.Trim(cells[1], "`"); defaults[i] != "" && got != defaults[i] || defaults[i] == "" && isValue {
			t.Errorf("%s: the default is %q, the docs say %s", name, defaults[i], cells[1])
		}
	}
	if diff := cmp.Diff(variables, names); diff != "" {
		t.Errorf("(-code +docs):\n%s", diff)
	}
}

func TestExampleOfTheTargetsFile(t *testing.T) {
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(readAll(t, docs))
	if example == nil {
		t.Fatal("there is no example")
	}
	c := mustLoad(t, withFile(targetsFile(t, example[1])))
	if len(c.Targets) != 2 || c.Targets[0].Labels["team"] != "payments" {
		t.Errorf("got %+v", c.Targets)
	}
}

func defaultsOf(text any) (defaults []string) {
	for field := range reflect.TypeOf(text).Fields() {
		defaults = append(defaults, field.Tag.Get("default"))
	}
	return defaults
}

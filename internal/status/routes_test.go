package status

import (
	"os"
	"strings"
	"testing"
)

// The test of prefixes in cmd/exporter requests each route that docs/api.md lists.
func TestEveryRouteIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	for pattern := range New(Options{}).routes() {
		route := strings.NewReplacer("{$}", "", "...}", "}").Replace(pattern)
		if !strings.Contains(string(text), "`"+route+"`") {
			t.Errorf("docs/api.md does not list %s", route)
		}
	}
}

package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestReliabilityNamesTests requires every test that reliability.md names to exist.
func TestReliabilityNamesTests(t *testing.T) {
	named := regexp.MustCompile("`([a-z0-9/]+)/((?:Test|Fuzz|Benchmark)[A-Za-z0-9]+)`").FindAllStringSubmatch(read(t, "reliability.md"), -1)
	if len(named) < 40 {
		t.Fatalf("only %d tests were found on the page", len(named))
	}
	for _, match := range named {
		if !slices.Contains(testsIn(t, filepath.Join("..", match[1])), match[2]) {
			t.Errorf("reliability.md: there is no test %s in %s", match[2], match[1])
		}
	}
}

var testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Za-z0-9]+)\(`)

// testsIn returns the names of the tests of one folder.
func testsIn(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		for _, match := range testFunction.FindAllStringSubmatch(read(t, filepath.Join(folder, entry.Name())), -1) {
			names = append(names, match[1])
		}
	}
	return names
}

package main

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The flags of setup are in docs/setup.md.
func TestDocsNameEveryFlag(t *testing.T) {
	var help bytes.Buffer
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"check", "--help"}} {
		if code := run(t.Context(), args, &help, &help); code != exitOK {
			t.Fatalf("%v: exit code %d: %s", args, code, help.String())
		}
	}
	docs, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	flagNames := func(pattern string, text []byte) (names []string) {
		for _, match := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
			names = append(names, string(match[1]))
		}
		slices.Sort(names)
		return slices.Compact(names)
	}
	want := flagNames(`(?m)^ {2,6}(?:-\w, )?--(?:\[no-\])?([a-z.-]+)`, help.Bytes())
	if diff := cmp.Diff(want, flagNames("(?m)^\\| `--([a-z.-]+)`", docs)); diff != "" {
		t.Errorf("(-program +docs):\n%s", diff)
	}
}

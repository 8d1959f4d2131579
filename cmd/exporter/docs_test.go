package main

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDocsNameEveryFlag(t *testing.T) {
	var help bytes.Buffer
	if code := run(t.Context(), []string{"--help"}, &help, &help); code != exitOK {
		t.Fatalf("exit code %d: %s", code, help.String())
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
		return names
	}
	want := flagNames(`(?m)^ {2,6}(?:-\w, )?--(?:\[no-\])?([a-z.-]+)`, help.Bytes())
	if diff := cmp.Diff(want, flagNames("(?m)^\\| `--([a-z.-]+)`", docs)); diff != "" {
		t.Errorf("(-program +docs):\n%s", diff)
	}
}

package docs_test

import (
	"bytes"
	"os"
	"regexp"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

// comment is a line that only marks a generated part.
var comment = regexp.MustCompile(`(?m)^<!--.*-->\n`)

// TestServedPages renders the pages that the program serves, so that it needs no Markdown library, and
// holds them against their sources. TestGeneratedParts, which writes those, has run before: its file sorts first.
func TestServedPages(t *testing.T) {
	markdown := goldmark.New(goldmark.WithExtensions(extension.Table))
	for _, page := range []string{"reasons", "warnings"} {
		var rendered bytes.Buffer
		source := comment.ReplaceAllString(read(t, page+".md"), "")
		if err := markdown.Convert([]byte(source), &rendered); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(rendered.Bytes(), []byte("<!--")) {
			t.Errorf("docs/%s.md has HTML, which is left out", page)
		}
		path := "html/" + page + ".html"
		if *update {
			if err := os.WriteFile(path, rendered.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if !bytes.Equal(rendered.Bytes(), []byte(read(t, path))) {
			t.Errorf("docs/%s is not docs/%s.md: go test ./docs -update renders it", path, page)
		}
	}
}

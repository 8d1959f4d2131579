package status

import (
	"net/http"
	"regexp"
	"strings"
	"time"
)

// section is one of the runbook, as it was written.
type section struct{ Name, Text string }

var comment = regexp.MustCompile(`(?m)^<!--.*-->\n`)

// sections splits a document at its headings.
func sections(document string) []section {
	var all []section
	for part := range strings.SplitSeq(comment.ReplaceAllString(document, ""), "\n## ") {
		name, text, _ := strings.Cut(part, "\n")
		all = append(all, section{strings.TrimPrefix(name, "# "), strings.TrimSpace(text)})
	}
	return all
}

// serveRunbook shows the reasons' documentation: during an outage what is carried
// along is what can be reached.
func (b *Board) serveRunbook(w http.ResponseWriter, _ *http.Request) {
	p := b.page(time.Now())
	p.Title, p.Headline, p.State, p.Sections = "Runbook", "Runbook", Waiting, sections(b.options.Runbook)
	b.render(w, "runbook", p)
}

package status

import (
	"net/http"
	"regexp"
	"strings"
	"time"
)

// section is one section of the runbook, as Markdown.
type section struct{ Name, Text string }

var comment = regexp.MustCompile(`(?m)^<!--.*-->\n`)

// sections splits a Markdown document at its headings of the second level.
func sections(document string) []section {
	var all []section
	for part := range strings.SplitSeq(comment.ReplaceAllString(document, ""), "\n## ") {
		name, text, _ := strings.Cut(part, "\n")
		all = append(all, section{strings.TrimPrefix(name, "# "), strings.TrimSpace(text)})
	}
	return all
}

// serveRunbook serves docs/reasons.md, which may be out of reach elsewhere during an
// outage.
func (s *Server) serveRunbook(w http.ResponseWriter, _ *http.Request) {
	p := s.page(time.Now())
	p.Title, p.Headline, p.State, p.Sections = "Runbook", "Runbook", Waiting, sections(s.options.Runbook)
	s.render(w, "runbook", p)
}

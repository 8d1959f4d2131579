package status

import (
	"html"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// section is a section of a runbook: what it is about, such as a reason, and its text.
type section struct {
	Name string
	Text template.HTML
}

// Anchor names the section in links.
func (s section) Anchor() string { return strings.ReplaceAll(strings.ToLower(s.Name), " ", "-") }

// link is the address in a link.
var link = regexp.MustCompile(`href="([^"]*)"`)

// sections splits a document of the package docs, a section for each heading of the second level.
func (l Links) sections(document string) []section {
	document = link.ReplaceAllStringFunc(document, func(found string) string {
		address := html.UnescapeString(link.FindStringSubmatch(found)[1])
		return `href="` + html.EscapeString(l.served(address)) + `"`
	})
	var all []section
	for part := range strings.SplitSeq(document, "<h2>") {
		name, body, _ := strings.Cut(part, "</h")
		_, body, _ = strings.Cut(body, "\n")
		all = append(all, section{html.UnescapeString(strings.TrimPrefix(name, "<h1>")), template.HTML(body)})
	}
	return all
}

// served returns where a link of a document leads to from a page of the exporter.
func (l Links) served(link string) string {
	page, name, isSection := strings.Cut(link, "#")
	isServed := page == "" || page == "reasons.md" || page == "warnings.md"
	switch {
	case isServed && isSection:
		return l.Path + "/runbooks/" + name
	case isServed:
		return l.Path + "/docs/" + page
	case strings.Contains(link, "://"):
		return link
	}
	return Repository + "docs/" + link
}

// serveDocument serves docs/reasons.md or docs/warnings.md, which may be out of reach
// elsewhere during an outage.
func (s *Server) serveDocument(title string, sections func() []section) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		now := time.Now()
		p := s.page(now)
		p.Title, p.Headline, p.State, p.Sections = title, title, Waiting, sections()
		s.render(w, "runbook", p, now)
	}
}

// serveSection serves the section on one reason or warning. If the request names a target, it
// has the advice for that one.
func (s *Server) serveSection(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("reason")
	sections := slices.Concat(s.reasons(), s.warnings())
	i := slices.IndexFunc(sections, func(one section) bool { return one.Anchor() == name })
	if i < 0 {
		http.Error(w, "no such reason or warning", http.StatusNotFound)
		return
	}
	now := time.Now()
	p := s.page(now)
	p.Title, p.Headline, p.State, p.Sections = sections[i].Name, sections[i].Name, Waiting, sections[i:i+1]
	if t, found := s.find(r.URL.Query().Get("target")); found && t.Latest != nil {
		c := s.card(t, now)
		c.Advice = diagnose.Reason(name).Advice(t.Target, t.Latest.Evidence)
		p.Cards = []card{c}
	}
	s.render(w, "section", p, now)
}

package status

import (
	"bytes"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// section is a section of a runbook: what it is about, such as a reason, and its text.
type section struct {
	Name string
	Text template.HTML
}

// Anchor names the section in links.
func (s section) Anchor() string { return strings.ReplaceAll(strings.ToLower(s.Name), " ", "-") }

var comment = regexp.MustCompile(`(?m)^<!--.*-->\n`)

// markdown renders no HTML that a text contains, so that its output is safe.
var markdown = sync.OnceValue(func() goldmark.Markdown { return goldmark.New(goldmark.WithExtensions(extension.Table)) })

// sections renders a Markdown document, a section for each heading of the second level.
func (l Links) sections(document string) []section {
	var all []section
	for part := range strings.SplitSeq(comment.ReplaceAllString(document, ""), "\n## ") {
		name, body, _ := strings.Cut(part, "\n")
		all = append(all, section{strings.TrimPrefix(name, "# "), l.render([]byte(body))})
	}
	return all
}

func (l Links) render(body []byte) template.HTML {
	var out bytes.Buffer
	document := markdown().Parser().Parse(text.NewReader(body))
	_ = ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if link, ok := n.(*ast.Link); ok && entering {
			link.Destination = []byte(l.served(string(link.Destination)))
		}
		return ast.WalkContinue, nil
	})
	if err := markdown().Renderer().Render(&out, body, document); err != nil {
		panic(err) // cannot happen: a bytes.Buffer takes everything
	}
	return template.HTML(out.String())
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

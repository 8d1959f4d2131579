package status

import (
	"html/template"
	"maps"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/maintenance"
)

// rows keeps the row of each target as it was last rendered, since most of them are the same
// when the next page is rendered.
type rows struct {
	pages    func() *template.Template
	planned  func(target string, at time.Time) maintenance.Active
	rendered map[string]renderedRow
}

// renderedRow is a row, and all that it depends on.
type renderedRow struct {
	html    template.HTML
	latest  *probe.Result
	state   State
	labels  map[string]string
	planned maintenance.Active
}

// of returns the row of a target.
func (r rows) of(t probe.TargetState, now time.Time) template.HTML {
	name, state := t.Target.Name, stateOf(t, now)
	planned := r.planned(name, now)
	if old, ok := r.rendered[name]; ok && old.latest == t.Latest && old.state == state && old.planned == planned && maps.Equal(old.labels, t.Target.Labels) {
		return old.html
	}
	var text strings.Builder
	if err := r.pages().ExecuteTemplate(&text, "row", rowOf(t, planned, now)); err != nil {
		panic(err) // cannot happen: the template fits its data, and a strings.Builder takes everything
	}
	row := renderedRow{template.HTML(text.String()), t.Latest, state, t.Target.Labels, planned}
	r.rendered[name] = row
	return row.html
}

// forget drops the rows of targets that are gone.
func (r rows) forget(all []probe.TargetState) {
	if len(r.rendered) <= len(all) {
		return
	}
	there := map[string]bool{}
	for _, t := range all {
		there[t.Target.Name] = true
	}
	maps.DeleteFunc(r.rendered, func(name string, _ renderedRow) bool { return !there[name] })
}

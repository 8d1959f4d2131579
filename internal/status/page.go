package status

import (
	"bufio"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
)

// parsePages returns the templates. In them base is what precedes the path of every link.
func parsePages(base string) *template.Template {
	own := template.FuncMap{"base": func() string { return base }}
	return template.Must(template.New("").Funcs(functions).Funcs(own).ParseFS(files, "page.html", "past.html", "workloads.html"))
}

// maxCards is how many incidents the overview shows in full; the targets of the others are
// rows.
const maxCards = 5

// page is the data of a template, formatted for display.
type page struct {
	Title, Headline, Standby, Version string
	State                             State // of the worst target
	Now                               *timestamp
	Query                             string
	Filters                           []filter
	Incidents                         []card // the first ones, found or not
	More                              int    // how many others there are
	Cards                             []card
	Rows                              []template.HTML
	Sections                          []section
	Follows                           string // the target whose runs change the page; empty means any
	Past                              *pastIncidents
	Workloads                         *workloadList // nil if they are not discovered here
}

// filter is a link to the targets in one state.
type filter struct {
	Name, Link string
	Count      int
	Chosen     bool
}

func (s *Server) serveOverview(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	p, all := s.page(now), s.targets(now)
	s.rows.forget(all)
	wanted := State(r.URL.Query().Get("state"))
	p.Query = r.URL.Query().Get("q")
	p.summarise(all, wanted, now)
	alone := len(all) == 1
	inView := slices.DeleteFunc(all, func(t probe.TargetState) bool { return wanted != "" && wanted != stateOf(t, now) })
	found := finder(p.Query)
	others := p.addIncidents(s, inView, found, now)
	others = slices.DeleteFunc(others, func(t probe.TargetState) bool { return !found(t.Target) })
	if alone && len(others) == 1 {
		p.Cards, others = []card{s.card(others[0], now)}, nil
	}
	for i := range p.Cards {
		p.Cards[i].Alone = alone
		p.Cards[i].CanProbe = s.canProbe() && p.Cards[i].Incident == nil
	}
	for _, t := range others {
		p.Rows = append(p.Rows, s.rows.of(t, now))
	}
	p.Past = s.past(len(p.Incidents) == 0)
	p.addWorkloads(s)
	if p.Query != "" || wanted != "" && !slices.Contains(states, wanted) {
		s.render(w, "overview", p, now)
		return
	}
	s.renderView(w, overviewPage, s.views.of(wanted), r.URL.Query().Get("since"), p, now)
}

func (s *Server) serveTarget(w http.ResponseWriter, r *http.Request) {
	t, ok := s.find(r.PathValue("target"))
	if !ok {
		http.Error(w, errNoTarget.Error(), http.StatusNotFound)
		return
	}
	now := time.Now()
	p, c := s.page(now), s.card(t, now)
	for _, runs := range [][]probe.Run{t.History.Failures, t.History.Recent} {
		for _, run := range runs {
			c.Runs = append(c.Runs, cardRun{runState(run.LoginStatus()), timestampOf(run.Start), string(run.Reason), elapsed(run.Duration)})
		}
	}
	slices.Reverse(c.Runs)
	p.Title, p.Headline, p.State, p.Follows = c.Name+": "+c.Headline, c.Name, c.State, c.Name
	c.Open, c.CanProbe, c.ProbeOff = true, s.canProbe(), s.options.ProbeOff
	p.Cards = []card{c}
	p.addWorkloads(s)
	s.render(w, "target", p, now)
}

func (s *Server) card(t probe.TargetState, now time.Time) card {
	return cardOf(t, s.options.Maintenance(t.Target.Name, now), now)
}

// canProbe reports whether readers may start runs and this process probes.
func (s *Server) canProbe() bool { return s.options.RunNow != nil && s.options.Standby() == "" }

func (s *Server) page(now time.Time) page {
	return page{Standby: s.options.Standby(), Version: s.options.Version, Now: timestampOf(now)}
}

// render renders a page in full.
func (s *Server) render(w http.ResponseWriter, name string, p page, now time.Time) {
	body, err := execute(s.pages(), name, p)
	if err != nil {
		http.Error(w, "rendering the page", http.StatusInternalServerError)
		return
	}
	sendPage(w, parseFragments(body), everything, "", now)
}

// followed are the templates of a page that is updated in place: as a whole, and to be patched
// into what a reader has.
type followed struct{ whole, update string }

var (
	overviewPage  = followed{"overview", "update"}
	workloadsPage = followed{"workloads", "workloads update"}
)

// renderView renders a page, or what has changed in it since the version that the reader has.
func (s *Server) renderView(w http.ResponseWriter, of followed, v *view, since string, p page, now time.Time) {
	name, version := of.whole, v.find(since)
	if version != everything {
		name = of.update
	}
	body, err := execute(s.pages(), name, p)
	if err != nil {
		http.Error(w, "rendering the page", http.StatusInternalServerError)
		return
	}
	root := parseFragments(body)
	v.update(root)
	sendPage(w, root, version, v.String(), now)
}

func execute(pages *template.Template, name string, p page) (string, error) {
	var body strings.Builder
	size := 1 << 14
	for _, row := range p.Rows {
		size += len(row)
	}
	body.Grow(size)
	err := pages.ExecuteTemplate(&body, name, p)
	return body.String(), err
}

func sendPage(w http.ResponseWriter, root *fragment, since int, version string, now time.Time) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	s := sender{bufio.NewWriterSize(w, 1<<15), since, version, now}
	s.write(root)
	_ = s.Flush()
}

// summarise sets the headline, which is about the most urgent state, and the filters.
func (p *page) summarise(all []probe.TargetState, wanted State, now time.Time) {
	counts := map[State]int{}
	for _, t := range all {
		counts[stateOf(t, now)]++
	}
	p.Filters = []filter{{"all", "/", len(all), wanted == ""}}
	for _, state := range states {
		if counts[state] > 0 {
			p.Filters = append(p.Filters, filter{string(state), "/?state=" + string(state), counts[state], wanted == state})
		}
	}
	p.State, p.Headline = Waiting, "No target is probed here"
	worst := slices.IndexFunc(states, func(s State) bool { return counts[s] > 0 })
	if worst >= 0 {
		p.State = states[worst]
		p.Headline = headline(p.State, counts[p.State], len(all))
	}
	if p.Standby != "" && p.State != Unhealthy {
		p.State, p.Headline = Waiting, "Standby"
	}
	p.Title = p.Headline
}

func headline(state State, n, all int) string {
	switch {
	case state == Healthy, n == all && state != Unhealthy, all == 1:
		return headlines[state]
	case state == Unhealthy:
		return fmt.Sprintf("%d of %d targets: pods cannot log in", n, all)
	}
	return counted(n, "target") + ": " + strings.ToLower(headlines[state][:1]) + headlines[state][1:]
}

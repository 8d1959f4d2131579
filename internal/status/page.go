package status

import (
	"bufio"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
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

// card is one target, or an incident with the verdict of its first target.
type card struct {
	Name, Link, Headline, Reason, Title, Certainty, Owner string
	State                                                 State
	Since, Last                                           *timestamp
	Elapsed                                               string
	Detail                                                string
	Because                                               []string
	Advice                                                diagnose.Advice
	Reviewer                                              string
	Runbook                                               string
	Warnings                                              []cardWarning
	Steps                                                 []cardStep
	StepsSummary                                          string
	Open                                                  bool // the steps are unfolded: the page is about this target
	Alone                                                 bool // the only target there is
	Expiries                                              []expiry
	Timeline                                              []period
	History                                               string // the timeline in a sentence
	Latency                                               *latency
	Runs                                                  []cardRun
	Configuration                                         []setting
	Incident                                              *cardIncident // nil for one target
	Anchor                                                string        // its id in the page
	Search                                                string        // what the filter searches
	Labels                                                []string
	Workloads                                             *workloadHits // nil if none is known
	CanProbe                                              bool          // a reader may request a run
	ProbeOff                                              string        // why not, and what changes that
}

// Failing reports whether there is a reason why pods cannot log in, or why that is not known.
func (c card) Failing() bool { return c.Reason != "" && c.Reason != string(diagnose.None) }

type cardWarning struct {
	Code, Detail string
	Advice       diagnose.Advice
}

type cardStep struct{ Name, State, Detail, Elapsed string }

type expiry struct {
	What string
	At   *timestamp
	Past bool
}

type cardRun struct {
	State           State
	Start           *timestamp
	Reason, Elapsed string
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
		p.Cards, others = []card{cardOf(others[0], now)}, nil
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
	p, c := s.page(now), cardOf(t, now)
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

// rowOf returns what a row shows of a target.
func rowOf(t probe.TargetState, now time.Time) card {
	state := stateOf(t, now)
	c := card{
		Name: t.Target.Name, Anchor: "target-" + t.Target.Name, Search: searchText(t.Target), Labels: labelsOf(t.Target),
		Link: "/targets/" + url.PathEscape(t.Target.Name), State: state, Headline: headlines[state],
		Timeline: timeline(t.History.Recent), History: summaryOf(t.History.Recent),
	}
	if t.Latest != nil {
		c.Last, c.Elapsed = timestampOf(t.Latest.Start), elapsed(t.Latest.Duration)
	}
	if t.Latest != nil && state != Stale {
		c.Reason = string(t.Latest.Diagnosis.Reason)
		for _, w := range t.Latest.Raised() {
			c.Warnings = append(c.Warnings, cardWarning{string(w.Code), w.Detail, w.Advice})
		}
	}
	return c
}

func cardOf(t probe.TargetState, now time.Time) card {
	c := rowOf(t, now)
	c.Latency, c.Expiries, c.Configuration = latencyOf(t.History.Recent), expiriesOf(t, now), configurationOf(t)
	switch {
	case c.State == Stale:
		c.Detail = "the last run found that pods can log in, but it is older than three intervals; whether they still can is not known"
	case t.Latest != nil:
		c.addVerdict(*t.Latest)
	}
	return c
}

// addVerdict adds what the latest run found.
func (c *card) addVerdict(r probe.Result) {
	d := r.Diagnosis
	c.Since, c.Detail, c.Because, c.Advice = timestampOf(r.Since), d.Detail, d.Because, d.Advice
	c.Title, c.Certainty, c.Owner = capitalised(d.Reason.Title()), spaced(d.Certainty), d.Component().Owner()
	c.Runbook = d.Reason.Runbook()
	if d.Reviewer.Reason != "" && d.Reviewer.Reason != diagnose.None && d.Reviewer.Reason != d.Reason {
		c.Reviewer = d.Reviewer.Detail
	}
	made, failed := 0, 0
	for _, s := range r.Steps() {
		c.Steps = append(c.Steps, cardStep{s.Name, string(s.State), s.Detail, elapsed(s.Elapsed)})
		if s.State != evidence.StepSkipped {
			made++
		}
		if s.State == evidence.StepFailed {
			failed++
		}
	}
	c.StepsSummary = counted(made, "step") + ", none failed"
	if failed > 0 {
		c.StepsSummary = counted(made, "step") + ", " + counted(failed, "failure")
	}
}

func expiriesOf(t probe.TargetState, now time.Time) []expiry {
	var expiries []expiry
	for _, one := range []struct {
		what     string
		validity probe.Validity
	}{
		{"reviewer token", t.ReviewerToken}, {"canary token", t.CanaryToken},
		{"certificate of Vault", t.VaultCertificate}, {"certificate of Kubernetes", t.KubernetesCertificate}, {"CA in the mount's config", t.MountCA},
	} {
		if at := timestampOf(one.validity.End); at != nil {
			expiries = append(expiries, expiry{one.what, at, one.validity.End.Before(now)})
		}
	}
	return expiries
}

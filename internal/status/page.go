package status

import (
	"bytes"
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

var pages = template.Must(template.New("").ParseFS(files, "page.html"))

// openCards is how many targets tell all on the overview; the rest are rows.
const openCards = 5

// page is what a template is given: everything in words.
type page struct {
	Title, Headline, Standby, Version string
	State                             State // of the worst target
	Now                               *stamp
	Query                             string
	Filters                           []filter
	Cards, Rows                       []card
	Sections                          []section
	Single                            bool // the page is about one target
}

// filter is one state with the number of its targets.
type filter struct {
	Name, Link string
	Count      int
	Chosen     bool
}

// card is one target.
type card struct {
	Name, Link, Words, Reason, Title, Certainty, Owner string
	State                                              State
	Since, Last                                        *stamp
	Elapsed                                            string
	Detail                                             string
	Because                                            []string
	Fix                                                []fixLine
	Reviewer                                           string
	Runbook                                            string
	Warnings                                           []warning
	Steps                                              []step
	StepsInShort                                       string
	Open                                               bool // show the steps at once
	Expiries                                           []expiry
	Strip                                              []period
	Latency                                            *latency
	Runs                                               []row
	Where                                              evidence.Target
}

type warning struct {
	Code, Detail string
	Fix          []fixLine
}

// fixLine is a command to paste, or a remark.
type fixLine struct {
	Text   string
	Remark bool
}

type step struct{ Name, State, Detail, Elapsed string }

type expiry struct {
	What string
	At   *stamp
	Past bool
}

type row struct {
	State           State
	At              *stamp
	Reason, Elapsed string
}

func (b *Board) serveOverview(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	p, all := b.page(now), b.known(now)
	chosen := State(r.URL.Query().Get("state"))
	p.Query = r.URL.Query().Get("q")
	p.summarise(all, chosen, now)
	for _, k := range all {
		state := stateOf(k, now)
		if chosen != "" && chosen != state || !strings.Contains(k.Target.Name, p.Query) {
			continue
		}
		c := cardOf(k, now)
		if len(p.Cards) < openCards && (state == Unhealthy || state == Unclear) {
			p.Cards = append(p.Cards, c)
		} else {
			p.Rows = append(p.Rows, c)
		}
	}
	b.render(w, "overview", p)
}

func (b *Board) serveTarget(w http.ResponseWriter, r *http.Request) {
	k, ok := b.find(r.PathValue("target"))
	if !ok {
		http.Error(w, "no such target", http.StatusNotFound)
		return
	}
	now := time.Now()
	p, c := b.page(now), cardOf(k, now)
	for _, runs := range [][]probe.Run{k.History.Failures, k.History.Recent} {
		for _, run := range runs {
			c.Runs = append(c.Runs, row{verdictState(run.Reason), stampOf(run.Start, now), string(run.Reason), elapsed(run.Duration)})
		}
	}
	slices.Reverse(c.Runs)
	p.Title, p.Headline, p.State, p.Single = c.Name+": "+c.Words, c.Name, c.State, true
	c.Open = true
	p.Cards = []card{c}
	b.render(w, "target", p)
}

func (b *Board) page(now time.Time) page {
	return page{Standby: b.options.Standby(), Version: b.options.Version, Now: stampOf(now, now)}
}

func (b *Board) render(w http.ResponseWriter, name string, p page) {
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, name, p); err != nil {
		http.Error(w, "rendering the page", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body.Bytes())
}

// summarise counts the targets by state, and says the worst in big words.
func (p *page) summarise(all []probe.TargetState, chosen State, now time.Time) {
	counts := map[State]int{}
	for _, k := range all {
		counts[stateOf(k, now)]++
	}
	p.Filters = []filter{{"all", "/", len(all), chosen == ""}}
	for _, s := range states {
		if counts[s] > 0 {
			p.Filters = append(p.Filters, filter{string(s), "/?state=" + string(s), counts[s], chosen == s})
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

func headline(s State, n, all int) string {
	switch {
	case s == Healthy, n == all && s != Unhealthy, all == 1:
		return verdicts[s]
	case s == Unhealthy:
		return fmt.Sprintf("%d of %d targets: pods cannot log in", n, all)
	}
	return counted(n, "target") + ": " + strings.ToLower(verdicts[s][:1]) + verdicts[s][1:]
}

func cardOf(k probe.TargetState, now time.Time) card {
	state := stateOf(k, now)
	c := card{
		Name: k.Target.Name, Link: "/targets/" + url.PathEscape(k.Target.Name), State: state, Words: verdicts[state],
		Strip: strip(k.History.Recent), Latency: latencyOf(k.History.Recent), Expiries: expiriesOf(k, now), Where: k.Target,
	}
	if k.Latest == nil {
		return c
	}
	c.Last, c.Elapsed = stampOf(k.Latest.Start, now), elapsed(k.Latest.Duration)
	if state == Stale {
		c.Detail = "the last run is older than three intervals and found pods able to log in; since then nothing is known"
		return c
	}
	c.explain(*k.Latest, now)
	return c
}

// explain tells what the latest run found.
func (c *card) explain(r probe.Result, now time.Time) {
	d := r.Diagnosis
	c.Since, c.Detail, c.Because, c.Fix = stampOf(r.Since, now), d.Detail, d.Because, fixOf(d.Fix)
	c.Reason, c.Title, c.Certainty, c.Owner = string(d.Reason), d.Reason.Title(), spaced(d.Certainty), componentNames[d.Component()]
	c.Runbook = d.Reason.Runbook()
	if d.Reviewer.Reason != "" && d.Reviewer.Reason != diagnose.None && d.Reviewer.Reason != d.Reason {
		c.Reviewer = d.Reviewer.Detail
	}
	for _, w := range r.Raised() {
		c.Warnings = append(c.Warnings, warning{string(w.Code), w.Detail, fixOf(w.Fix)})
	}
	made, failed := 0, 0
	for _, s := range r.Steps() {
		c.Steps = append(c.Steps, step{s.Name, string(s.State), s.Detail, elapsed(s.Elapsed)})
		if s.State != evidence.StepSkipped {
			made++
		}
		if s.State == evidence.StepFailed {
			failed++
		}
	}
	c.StepsInShort = counted(made, "step") + ", none failed"
	if failed > 0 {
		c.StepsInShort = counted(made, "step") + ", " + counted(failed, "failure")
	}
}

func fixOf(lines []string) []fixLine {
	var fix []fixLine
	for _, line := range lines {
		remark, isRemark := strings.CutPrefix(line, "# ")
		fix = append(fix, fixLine{remark, isRemark})
	}
	return fix
}

func expiriesOf(k probe.TargetState, now time.Time) []expiry {
	var expiries []expiry
	for _, one := range []struct {
		what string
		life probe.Validity
	}{
		{"reviewer token", k.ReviewerToken}, {"canary token", k.CanaryToken},
		{"certificate of Vault", k.VaultCertificate}, {"certificate of Kubernetes", k.KubernetesCertificate}, {"CA in the mount's config", k.MountCA},
	} {
		if at := stampOf(one.life.End, now); at != nil {
			expiries = append(expiries, expiry{one.what, at, one.life.End.Before(now)})
		}
	}
	return expiries
}

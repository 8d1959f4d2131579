package status

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

const (
	// maxWorkloadRows is how many logins the page shows. The others are counted.
	maxWorkloadRows = 200
	// maxUnfolded is how many logins of a state are shown unfolded, if it is not broken.
	maxUnfolded = 8
	// maxWorkloadObjects is how many objects a login names, and maxListed the length of the other lists.
	maxWorkloadObjects, maxListed = 3, 50
)

// workloadList is the page about workloads' logins. On the overview it has the summary alone.
type workloadList struct {
	Summary                  string
	Namespace, Target, State string // what the reader asks for
	Namespaces               []string
	Groups                   []workloadGroup
	Omitted                  int
	Found                    bool // a login is
	Discovered               *timestamp
	Unwatched                []unwatchedRow
	Unread                   []workload.Source
	Skipped                  []skippedRow
	SkippedCount             int
	NotInstalled             string
}

// workloadGroup is the logins in one state.
type workloadGroup struct {
	State, Name string
	Open        bool
	Rows        []workloadRow
}

type workloadRow struct {
	Anchor                             string
	State                              State // what colors it
	Role, ServiceAccount, Mount        string
	Target, TargetLink, Objects, Pods  string
	Reason, Title, Detail, LastChecked string
	Advice                             diagnose.Advice
}

// unwatchedRow is a mount that no target watches. Elsewhere says which target watches one of its name,
// and Aliases is what has that one watch this mount too; both are empty if there is none.
type unwatchedRow struct{ Mount, Logins, Target, Elsewhere, Aliases string }

type skippedRow struct{ Object, Why string }

// workloadHits are the logins that are made at the targets of a card.
type workloadHits struct {
	Count  string
	Target string // empty if there are several
}

// workloadColors are the states that a page colors like those of logins.
var workloadColors = map[diagnose.WorkloadState]State{
	diagnose.WorkloadBroken: Unhealthy, diagnose.WorkloadUnknown: Unclear, diagnose.WorkloadNotRehearsed: Waiting, diagnose.WorkloadReady: Healthy,
}

// addWorkloads adds the summary of the workloads' logins, and to each failing card how many of
// them are made there.
func (p *page) addWorkloads(s *Server) {
	if s.options.Workloads == nil || p.Standby != "" {
		return
	}
	inventory, results := s.options.Workloads()
	p.Workloads = &workloadList{Summary: summaryOfWorkloads(inventory, results)}
	at := map[string]int{}
	for _, r := range results {
		at[r.Target]++
	}
	for i := range p.Cards {
		if c := &p.Cards[i]; c.Failing() {
			c.Workloads = hitsOf(c, at)
		}
	}
}

func hitsOf(c *card, at map[string]int) *workloadHits {
	hits, n := &workloadHits{Target: c.Name}, at[c.Name]
	if c.Incident != nil {
		hits.Target, n = "", 0
		for _, target := range c.Incident.targets {
			n += at[target]
		}
	}
	if n == 0 {
		return nil
	}
	hits.Count = counted(n, "workload") + " log in"
	if n == 1 {
		hits.Count = "1 workload logs in"
	}
	return hits
}

func summaryOfWorkloads(inventory workload.Inventory, results []rehearse.Result) string {
	if inventory.At.IsZero() {
		return "Workload logins: not discovered yet"
	}
	counts := countWorkloads(results)
	var parts []string
	for _, state := range diagnose.WorkloadStates {
		if counts[state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[state], spaced(state)))
		}
	}
	return strings.TrimSuffix(counted(len(results), "workload login")+": "+strings.Join(parts, ", "), ": ")
}

func countWorkloads(results []rehearse.Result) map[diagnose.WorkloadState]int {
	counts := map[diagnose.WorkloadState]int{}
	for _, r := range results {
		counts[r.Verdict.State]++
	}
	return counts
}

func (s *Server) serveWorkloads(w http.ResponseWriter, r *http.Request) {
	if s.options.Workloads == nil {
		http.Error(w, workloadsOff, http.StatusNotFound)
		return
	}
	now, asked := time.Now(), workloadFilterOf(r)
	inventory, results := s.options.Workloads()
	p := s.page(now)
	p.headWorkloads(inventory, results)
	p.Workloads = workloadListOf(inventory, results, asked)
	p.Filters = workloadFilters(results, asked)
	if asked != (workloadFilter{}) {
		s.render(w, workloadsPage.whole, p, now)
		return
	}
	s.renderView(w, workloadsPage, &s.logins, r.URL.Query().Get("since"), p, now)
}

// headWorkloads sets the headline, which is about the worst state.
func (p *page) headWorkloads(inventory workload.Inventory, results []rehearse.Result) {
	counts := countWorkloads(results)
	p.State, p.Headline = Waiting, "Workload logins are not discovered yet"
	switch broken := counts[diagnose.WorkloadBroken]; {
	case p.Standby != "":
		p.Headline = "Standby"
	case inventory.At.IsZero():
	case broken > 0:
		p.State, p.Headline = Unhealthy, fmt.Sprintf("%d of %s: broken", broken, counted(len(results), "workload login"))
	case len(results) == 0:
		p.Headline = "No workload login was found"
	case counts[diagnose.WorkloadReady] == len(results):
		p.State, p.Headline = Healthy, counted(len(results), "workload login")+": ready"
	default:
		p.Headline = "No workload login is known to be broken"
	}
	p.Title = p.Headline
}

// workloadFilters are the links to the logins in one state, with the rest of what is asked for.
func workloadFilters(results []rehearse.Result, asked workloadFilter) []filter {
	chosen := asked.state
	link := func(state diagnose.WorkloadState) string {
		q := url.Values{}
		for name, value := range map[string]string{"state": string(state), "namespace": asked.namespace, "target": asked.target} {
			if value != "" {
				q.Set(name, value)
			}
		}
		return strings.TrimSuffix("/workloads?"+q.Encode(), "?")
	}
	asked.state = ""
	inView := asked.all(results)
	counts := countWorkloads(inView)
	filters := []filter{{"all", link(""), len(inView), chosen == ""}}
	for _, state := range diagnose.WorkloadStates {
		if counts[state] > 0 || chosen == state {
			filters = append(filters, filter{spaced(state), link(state), counts[state], chosen == state})
		}
	}
	return filters
}

func workloadListOf(inventory workload.Inventory, results []rehearse.Result, asked workloadFilter) *workloadList {
	found := asked.all(results)
	list := &workloadList{
		Namespace: asked.namespace, Target: asked.target, State: string(asked.state), Namespaces: namespacesOf(results),
		Omitted: max(0, len(found)-maxWorkloadRows), Found: len(found) > 0, Discovered: timestampOf(inventory.At), SkippedCount: len(inventory.Skipped),
	}
	counts := countWorkloads(found)
	for _, r := range found[:min(len(found), maxWorkloadRows)] {
		state := r.Verdict.State
		if n := len(list.Groups); n == 0 || list.Groups[n-1].State != string(state) {
			open := state == diagnose.WorkloadBroken || counts[state] <= maxUnfolded || asked != (workloadFilter{})
			list.Groups = append(list.Groups, workloadGroup{State: string(state), Name: fmt.Sprintf("%d %s", counts[state], spaced(state)), Open: open})
		}
		group := &list.Groups[len(list.Groups)-1]
		group.Rows = append(group.Rows, workloadRowOf(r))
	}
	for _, m := range first(rehearse.Unwatched(found), maxListed) {
		row := unwatchedRow{Mount: mountOf(m.Login), Logins: counted(m.Logins, "login"), Target: rehearse.Watch(m.Login)}
		if at := m.Elsewhere; at != (rehearse.Elsewhere{}) {
			row.Elsewhere, row.Aliases = at.Target+" watches it at "+at.Address, m.Aliases()
		}
		list.Unwatched = append(list.Unwatched, row)
	}
	for _, skipped := range first(inventory.Skipped, maxListed) {
		list.Skipped = append(list.Skipped, skippedRow{evidence.Clean(skipped.Object.String()), evidence.Clean(skipped.Why)})
	}
	var absent []string
	for _, source := range inventory.Sources {
		switch source.State {
		case workload.SourcePartial, workload.SourceForbidden, workload.SourceFailed:
			list.Unread = append(list.Unread, source)
		case workload.SourceNotInstalled:
			absent = append(absent, source.Name)
		}
	}
	list.NotInstalled = strings.Join(absent, ", ")
	return list
}

func workloadRowOf(r rehearse.Result) workloadRow {
	row := workloadRow{
		Anchor: fmt.Sprintf("login-%.8x", sha256.Sum256(fmt.Append(nil, r.Login))), State: workloadColors[r.Verdict.State],
		Role: evidence.Clean(r.Role), ServiceAccount: evidence.Clean(r.ServiceAccount.String()), Mount: mountOf(r.Login),
		Target: r.Target, TargetLink: "/targets/" + url.PathEscape(r.Target),
		Reason: string(r.Verdict.Reason), Detail: evidence.Clean(r.Verdict.Detail), Advice: r.Verdict.Advice,
	}
	if row.Reason != "" {
		row.Title = r.Verdict.Reason.Title()
	}
	if n := r.Pods(); n > 0 {
		row.Pods = counted(n, "pod")
	}
	if !r.At.IsZero() {
		row.LastChecked = pastTimeOf(r.At).Date
	}
	var names []string
	for _, o := range first(r.Objects, maxWorkloadObjects) {
		names = append(names, evidence.Clean(o.OfLogin()))
	}
	row.Objects = strings.Join(names, ", ")
	if more := len(r.Objects) - len(names); more > 0 {
		row.Objects += fmt.Sprintf(" and %d more", more)
	}
	return row
}

func mountOf(l workload.Login) string {
	text := "auth/" + cmp.Or(l.Mount, "?")
	if l.Namespace != "" {
		text += " in " + l.Namespace
	}
	if l.Address != "" {
		text += " at " + l.Address
	}
	return evidence.Clean(text)
}

// namespacesOf returns the first namespaces of service accounts, which a browser suggests.
func namespacesOf(results []rehearse.Result) []string {
	seen := map[string]bool{}
	var names []string
	for _, r := range results {
		if name := r.ServiceAccount.Namespace; !seen[name] {
			seen[name], names = true, append(names, name)
		}
	}
	slices.Sort(names)
	return first(names, maxWorkloadRows)
}

func first[T any](all []T, limit int) []T { return all[:min(len(all), limit)] }

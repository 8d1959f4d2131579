package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/dashboards"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// A phase is a state of the target, and what every query of the dashboards must return in it.
type phase struct {
	name, fault, reason string
	// Queries that must return nothing in this phase. All others but the unsettled ones must return
	// something.
	empty []string
	// Queries that may return something or nothing in this phase.
	unsettled []string
	// Exact results: values, or the reasons and warnings in the rows of a table.
	want map[string]string
}

var phases = []phase{
	{
		name: "healthy", reason: "none",
		want: map[string]string{
			"overview/Targets that are down/A":       "0",
			"overview/Targets not known/A":           "0",
			"overview/Reviewer fails, logins work/A": "0",
			"overview/Warnings open/A":               "0",
			"overview/Runs that succeeded/A":         "1",
			"overview/Error budget left/A":           "1",
			"overview/Targets no longer probed/A":    "0",
			"overview/Leaders/A":                     "1",
			"overview/Targets with a process/A":      "2",
			"overview/Configuration/A":               "1",
			"target/Changes of verdict":              "none",
			"overview/Processes/A":                   "1 1",
			"target/Logins/A":                        "1",
		},
		empty: slices.Concat(brokenQueries, reviewerQueries, warningQueries, failureQueries),
	},
	{
		name: "broken", fault: "reviewer_forbidden", reason: "reviewer_forbidden",
		want: map[string]string{
			"overview/Targets that are down/A":       "1",
			"overview/Targets not known/A":           "0",
			"overview/Reviewer fails, logins work/A": "0",
			"overview/Broken now/A":                  "reviewer_forbidden",
			"overview/Broken now/B":                  "reviewer_forbidden",
			"target/Verdict/B":                       "reviewer_forbidden",
			"target/Logins/A":                        "0",
			"target/Reviewer/A":                      "0",
			"target/Canary/A":                        "0",
		},
		empty: slices.Concat(reviewerQueries, warningQueries, []string{"target/Verdict/A"}),
	},
	{
		name: "healed", reason: "none",
		want: map[string]string{
			"overview/Targets that are down/A":     "0",
			"target/Latest failure/A":              "reviewer_forbidden",
			"target/Verdicts in this time range/A": "none reviewer_forbidden",
		},
		empty: slices.Concat(brokenQueries, reviewerQueries, []string{"overview/Warnings open now/A"}),
		// It shows what was raised at any time: a run that began while the fault was being healed may
		// have seen a login that worked and a reviewer that did not yet.
		unsettled: []string{"target/Warnings/A"},
	},
	{
		name: "reviewer fails, logins work", fault: "reviewer_stale_copy", reason: "none",
		want: map[string]string{
			"overview/Targets that are down/A":                 "0",
			"overview/Reviewer fails, logins work/A":           "1",
			"overview/Reviewers that fail, logins that work/A": "reviewer_expired",
			"overview/Warnings open/A":                         "2",
			"overview/Warnings open now/A":                     "reviewer_stale_copy reviewer_token_expiring",
			"target/Warnings/A":                                "reviewer_stale_copy reviewer_token_expiring",
			"target/Reviewer/A":                                "0",
		},
		empty: brokenQueries,
	},
	{
		name: "the exporter's own fault", fault: "canary_token_missing", reason: "canary_token_missing",
		want: map[string]string{
			"overview/Targets not known/A": "1",
			"overview/Broken now/A":        "canary_token_missing",
		},
		empty: slices.Concat(reviewerQueries, []string{
			"overview/Targets that are down/A", "overview/Reviewer fails, logins work/A", "overview/Warnings open now/A",
			"overview/Slowest logins/A", "target/Logins/A", "target/Canary/A", "target/Verdict/A",
		}),
	},
}

// Queries that return something only while something is wrong.
var (
	// unsettledQueries may return something or nothing, depending on whether Prometheus scraped the
	// exporters before their first run.
	unsettledQueries = []string{"target/Verdict by reason/C", "target/Reviewer by itself/C"}
	// workloadQueries return nothing, since these exporters look for no workloads.
	workloadQueries = []string{"overview/Logins of workloads that will fail/A", "overview/Logins of workloads/A"}
	brokenQueries   = []string{"overview/Broken now/A", "overview/Broken now/B", "target/Verdict/B"}
	reviewerQueries = []string{"overview/Reviewers that fail, logins that work/A"}
	warningQueries  = []string{"overview/Warnings open now/A", "target/Warnings/A"}
	failureQueries  = []string{
		"overview/Changes of verdict",
		"overview/Targets that were down/A", "overview/Failed runs by reason/A", "target/Runs by outcome/B",
		"target/Verdict by reason/B", "target/Reviewer by itself/B", "target/Latest failure/A",
	}
)

// TestDashboards runs every query of every panel on a real Prometheus, in every phase. Two
// processes with the same target are scraped, of which one is a leader, as in a rolling update.
func TestDashboards(t *testing.T) {
	group := newReplicas(t, shared.lab)
	exporters := []*process{serve(t, sharedEnv()), group.start().process}
	var addresses []string
	for _, exporter := range exporters {
		addresses = append(addresses, exporter.address(""))
	}
	monitoring, err := lab.StartMonitoring(t.Context(), lab.MonitoringOptions{Exporters: addresses, Interval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := monitoring.Close(); err != nil {
			t.Error(err)
		}
	})
	boards, err := dashboards.All()
	if err != nil {
		t.Fatal(err)
	}
	grafana := fakeGrafana{prometheus: monitoring.PrometheusURL, boards: boards, since: time.Now()}

	for _, e := range phases {
		if _, err := shared.lab.Heal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if e.fault != "" {
			if err := shared.lab.Inject(t.Context(), e.fault); err != nil {
				t.Fatal(err)
			}
		}
		for _, exporter := range exporters {
			waitFor(t, shared.lab, exporter, e.reason, func(x exposition) bool { return x.label("verdict_info", "reason") == e.reason })
		}
		var problems []string
		elapsed := eventually(t, detectionTimeout, e.name, func() bool {
			problems = grafana.problems(t, e)
			return len(problems) == 0
		}, func() string { return strings.Join(problems, "\n") })
		t.Logf("%s: every query returned what it must after %s", e.name, elapsed.Round(100*time.Millisecond))
	}
	if _, err := shared.lab.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}
	grafana.wantNothingBeforeTheFirstScrape(t)
	grafana.wantVariableValues(t)
}

// A fakeGrafana substitutes variables and queries Prometheus as Grafana does.
type fakeGrafana struct {
	prometheus string
	boards     []dashboards.Dashboard
	since      time.Time
}

// problems lists the queries that fail or return something unexpected.
func (g fakeGrafana) problems(t *testing.T, e phase) []string {
	t.Helper()
	seen := make(map[string]bool)
	var problems []string
	g.eachQuery(func(name string, d dashboards.Dashboard, q dashboards.Target) {
		seen[name] = true
		answer, err := g.ask(d, q, time.Now())
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, q.Expr)
		}
		want, exact := e.want[name]
		wantEmpty := slices.Contains(e.empty, name) || slices.Contains(workloadQueries, name)
		got := answer.summary()
		if name == "target/Verdicts in this time range/A" { // a run may have begun while the fault was being injected
			got = strings.Join(slices.DeleteFunc(strings.Fields(got), func(reason string) bool { return reason == "vault_to_kubernetes_failed" }), " ")
		}
		switch {
		case slices.Contains(unsettledQueries, name), slices.Contains(e.unsettled, name): // both are allowed
		case exact && got != want:
			problems = append(problems, fmt.Sprintf("%s: returns %q, want %q", name, got, want))
		case wantEmpty && !answer.empty():
			problems = append(problems, fmt.Sprintf("%s: returns %q, want nothing", name, got))
		case !wantEmpty && answer.empty():
			problems = append(problems, name+": returns nothing")
		}
	})
	for _, name := range slices.AppendSeq(slices.Clone(e.empty), maps.Keys(e.want)) {
		if !seen[name] {
			t.Fatalf("no dashboard has the query %s", name)
		}
	}
	return problems
}

// wantNothingBeforeTheFirstScrape queries a time without data: every query must return nothing, not
// 0.
func (g fakeGrafana) wantNothingBeforeTheFirstScrape(t *testing.T) {
	t.Helper()
	g.eachQuery(func(name string, d dashboards.Dashboard, q dashboards.Target) {
		answer, err := g.ask(d, q, g.since.Add(-time.Hour))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !answer.empty() {
			t.Errorf("%s: returns %q for a time before the first scrape", name, answer.summary())
		}
	})
}

// eachQuery calls visit for every query. Its name is "dashboard/panel/refId", that of an annotation
// "dashboard/name".
func (g fakeGrafana) eachQuery(visit func(name string, d dashboards.Dashboard, q dashboards.Target)) {
	for _, d := range g.boards {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				visit(strings.TrimSuffix(d.File, ".json")+"/"+p.Title+"/"+q.RefID, d, q)
			}
		}
		for _, a := range d.Annotations.List {
			visit(strings.TrimSuffix(d.File, ".json")+"/"+a.Name, d, dashboards.Target{Expr: a.Expr, Range: true})
		}
	}
}

// ask evaluates a query at a time, with the time since the test began as the dashboard's time
// range.
func (g fakeGrafana) ask(d dashboards.Dashboard, q dashboards.Target, at time.Time) (queryResult, error) {
	span := time.Since(g.since).Truncate(time.Second) + time.Second
	query, err := substitute(d, q.Expr, span)
	if err != nil {
		return nil, err
	}
	unix := func(t time.Time) string { return fmt.Sprintf("%.3f", float64(t.UnixMilli())/1000) }
	path, asked := "query", url.Values{"query": {query}, "time": {unix(at)}}
	if !q.Instant {
		path, asked = "query_range", url.Values{"query": {query}, "start": {unix(at.Add(-span))}, "end": {unix(at)}, "step": {"1"}}
	}
	var data struct{ Result queryResult }
	err = g.get(path, asked, &data)
	return data.Result, err
}

var variablePattern = regexp.MustCompile(`\$\{?[a-z_]+\}?`)

// substitute replaces variables as Grafana does when "All" is selected.
func substitute(d dashboards.Dashboard, query string, span time.Duration) (_ string, err error) {
	values := map[string]string{"$__range": fmt.Sprintf("%.0fs", span.Seconds()), "$__rate_interval": "20s", "$target": "default"}
	for _, v := range d.Templating.List {
		if v.IncludeAll {
			values["$"+v.Name] = v.AllValue
		} else if chosen, is := v.Current.Value.(string); is {
			values["$"+v.Name] = chosen
		}
	}
	query = variablePattern.ReplaceAllStringFunc(query, func(name string) string {
		value, seen := values[name]
		if !seen {
			err = fmt.Errorf("variable %s has no value", name)
		}
		return value
	})
	return query, err
}

// A queryResult is the result of a query.
type queryResult []series

// A series has one value for an instant query and many for a range query.
type series struct {
	Metric model.Metric
	Value  *model.SamplePair
	Values []model.SamplePair
}

// latest is the value that a stat panel shows.
func (s series) latest() model.SampleValue {
	if s.Value != nil {
		return s.Value.Value
	}
	return s.Values[len(s.Values)-1].Value
}

// empty reports whether a panel would show nothing. Panels do not show NaN.
func (a queryResult) empty() bool {
	for _, s := range a {
		if s.Value != nil && !math.IsNaN(float64(s.Value.Value)) {
			return false
		}
		for _, v := range s.Values {
			if !math.IsNaN(float64(v.Value)) {
				return false
			}
		}
	}
	return true
}

// summary lists, sorted, the reason or warning of every series, or its latest value if it has
// neither.
func (a queryResult) summary() string {
	var got []string
	for _, s := range a {
		word := string(s.Metric["reason"] + s.Metric["warning"])
		if word == "" {
			word = s.latest().String()
		}
		got = append(got, word)
	}
	slices.Sort(got)
	return strings.Join(got, " ")
}

// get calls Prometheus' HTTP API. It returns an error for warnings and infos about a query too.
func (g fakeGrafana) get(path string, query url.Values, into any) error {
	response, err := http.Get(g.prometheus + "/api/v1/" + path + "?" + query.Encode())
	if err != nil {
		return err
	}
	defer response.Body.Close()
	reply := struct {
		Error           string
		Warnings, Infos []string
		Data            any
	}{Data: into}
	if err := json.NewDecoder(response.Body).Decode(&reply); err != nil {
		return err
	}
	if remarks := slices.Concat(reply.Warnings, reply.Infos); reply.Error != "" || len(remarks) > 0 {
		return fmt.Errorf("%s%q", reply.Error, remarks)
	}
	return nil
}

var labelValues = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)

// wantVariableValues queries the values of every variable. The lab sets no label cluster, as many
// Prometheus installations do not.
func (g fakeGrafana) wantVariableValues(t *testing.T) {
	t.Helper()
	for _, d := range g.boards {
		for _, v := range d.Templating.List {
			if v.Type != "query" {
				continue
			}
			query, _ := v.Query.(map[string]any)["query"].(string)
			asked := labelValues.FindStringSubmatch(query)
			if asked == nil {
				t.Errorf("%s: %s asks for %v", d.File, v.Name, v.Query)
				continue
			}
			selector, err := substitute(d, asked[1], time.Second)
			if err != nil {
				t.Fatal(err)
			}
			var values []string
			if err := g.get("label/"+asked[2]+"/values", url.Values{"match[]": {selector}}, &values); err != nil {
				t.Errorf("%s: %s: %v", d.File, v.Name, err)
			}
			if want := map[string]int{"job": 1, "instance": 2, "target": 1}[v.Name]; len(values) != want {
				t.Errorf("%s: variable %s has the values %q, want %d of them", d.File, v.Name, values, want)
			}
		}
	}
}

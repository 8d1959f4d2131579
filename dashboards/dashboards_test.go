package dashboards_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/dashboards"
)

func load(t *testing.T) []dashboards.Dashboard {
	t.Helper()
	all, err := dashboards.All()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// eachPanel visits every panel except row headings.
func eachPanel(t *testing.T, visit func(*testing.T, dashboards.Panel)) {
	t.Helper()
	for _, d := range load(t) {
		for _, p := range d.Panels {
			if p.Type != "row" {
				t.Run(d.File+"/"+p.Title, func(t *testing.T) { visit(t, p) })
			}
		}
	}
}

// metricTypes reads the type of every metric from docs/metrics.md. Another test compares that
// page with the program.
func metricTypes(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := make(map[string]string)
	for _, row := range regexp.MustCompile("(?m)^\\| `(vault_k8s_auth_[a-z_]+)` \\| ([a-z]+) \\|").FindAllStringSubmatch(string(page), -1) {
		kinds[row[1]] = row[2]
	}
	return kinds
}

func TestQueries(t *testing.T) {
	types := metricTypes(t)
	eachPanel(t, func(t *testing.T, p dashboards.Panel) {
		if len(p.Targets) == 0 {
			t.Error("no query")
		}
		for i, target := range p.Targets {
			if target.RefID != string(rune('A'+i)) || target.Datasource != selected {
				t.Errorf("query %d has the RefID %s and the data source %+v", i, target.RefID, target.Datasource)
			}
			if target.Instant == target.Range {
				t.Errorf("%s is both an instant and a range query, or neither", target.RefID)
			}
			for _, violation := range violations(target.Expr, types) {
				t.Errorf("%s: %s\n%s", target.RefID, violation, target.Expr)
			}
		}
	})
}

// TestChangesOfVerdictAreMarked checks that both dashboards mark changes of verdict, each at its own time.
func TestChangesOfVerdictAreMarked(t *testing.T) {
	types := metricTypes(t)
	for _, d := range load(t) {
		if len(d.Annotations.List) != 1 {
			t.Fatalf("%s: %d annotations, want one", d.File, len(d.Annotations.List))
		}
		a := d.Annotations.List[0]
		if a.Name != "Changes of verdict" || !a.Enable || !a.UseValueForTime || a.Datasource != selected {
			t.Errorf("%s: its annotation is %+v", d.File, a)
		}
		for _, violation := range violations(a.Expr, types) {
			t.Errorf("%s: %s\n%s", d.File, violation, a.Expr)
		}
	}
}

// TestSharesAreRedAtZero checks the thresholds of shares at both ends: 0 % is red and 100 % is green.
func TestSharesAreRedAtZero(t *testing.T) {
	found := 0
	eachPanel(t, func(t *testing.T, p dashboards.Panel) {
		if p.Type != "stat" || p.FieldConfig.Defaults.Unit != "percentunit" {
			return
		}
		found++
		if low, high := colorAt(p, 0), colorAt(p, 1); low != "red" && low != "orange" || high != "green" {
			t.Errorf("0 %% is %s and 100 %% is %s", low, high)
		}
	})
	if found < 4 {
		t.Errorf("%d panels show a share", found)
	}
}

// colorAt is the colour of a value without a mapping.
func colorAt(p dashboards.Panel, value float64) (color string) {
	for _, step := range p.FieldConfig.Defaults.Thresholds.Steps {
		if step.Value == nil || *step.Value <= value {
			color = step.Color
		}
	}
	return color
}

// TestTargetDashboardIsAboutOneTarget checks that every query of the target dashboard selects one target, and no other query does.
func TestTargetDashboardIsAboutOneTarget(t *testing.T) {
	for _, d := range load(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				for _, s := range parse(target.Expr) {
					if got := strings.Contains(s.matchers, `target="$target"`); got != (d.File == "target.json") {
						t.Errorf("%s, %s: %s is queried for one target: %t", d.File, p.Title, s.metric, got)
					}
				}
			}
		}
	}
}

// TestViolationsAreFound checks that the rules reject what they must.
func TestViolationsAreFound(t *testing.T) {
	const chosen = `{cluster=~"$cluster", job=~"$job", instance=~"$instance"}`
	types := metricTypes(t)
	for query, want := range map[string]string{
		`max(vault_k8s_auth_up` + chosen + `)`:                                            "",
		`sum by (le) (rate(vault_k8s_auth_probes_total` + chosen + `[$__rate_interval]))`: "",
		`sum(increase(vault_k8s_auth_probes_total` + chosen + `[$__range]))`:              "",
		`1`:                      "no metric",
		`max(vault_k8s_auth_up)`: "without cluster",
		`max(vault_k8s_auth_up{job=~"$job", instance=~"$instance"})`:                      "without cluster",
		`max(vault_k8s_auth_up{cluster=~"$cluster", instance=~"$instance", job="a"})`:     "without job",
		`max(vault_k8s_auth_down` + chosen + `)`:                                          "not in docs/metrics.md",
		`vault_k8s_auth_up` + chosen:                                                      "not aggregated",
		`time() - (vault_k8s_auth_up` + chosen + `)`:                                      "not aggregated",
		`vault_k8s_auth_probes_total` + chosen:                                            "only increases",
		`sum(vault_k8s_auth_probes_total` + chosen + `)`:                                  "only increases",
		`rate(sum(vault_k8s_auth_probes_total` + chosen + `))`:                            "only increases",
		`sum(rate(vault_k8s_auth_probes_total` + chosen + `[5m]))`:                        "want $__rate_interval",
		`count(rate(vault_k8s_auth_probes_total` + chosen + `[$__rate_interval]))`:        "counting",
		`count by (job) (max by (target) (vault_k8s_auth_warning` + chosen + `))`:         "counting",
		`sum(vault_k8s_auth_exporter_probe_duration_seconds_count` + chosen + `)`:         "only increases",
		`max(vault_k8s_auth_up` + chosen + `) or vector(0)`:                               "is not known",
		`max(vault_k8s_auth_up` + chosen + `) or absent(vault_k8s_auth_up` + chosen + `)`: "is not known",
	} {
		found := strings.Join(violations(query, types), "; ")
		if want == "" && found != "" || !strings.Contains(found, want) {
			t.Errorf("%s:\nfound %q, want %q", query, found, want)
		}
	}
}

// selected is the data source that the user selects.
var selected = dashboards.Datasource{Type: "prometheus", UID: "${datasource}"}

// units are the Grafana units that the dashboards may use.
var units = []string{"none", "s", "percentunit", "cpm", "dtdurations", "dateTimeFromNow", "dateTimeAsSystem"}

func TestPanels(t *testing.T) {
	eachPanel(t, func(t *testing.T, p dashboards.Panel) {
		if p.Title == "" || !strings.HasSuffix(p.Description, ".") {
			t.Errorf("title %q, description %q", p.Title, p.Description)
		}
		if !slices.Contains([]string{"stat", "table", "timeseries", "state-timeline"}, p.Type) {
			t.Errorf("its type is %q", p.Type)
		}
		if p.Datasource != selected {
			t.Errorf("its data source is %+v", p.Datasource)
		}
		shown := p.FieldConfig.Defaults
		if !slices.Contains(units, shown.Unit) {
			t.Errorf("its unit is %q", shown.Unit)
		}
		if shown.NoValue == "" || strings.ContainsAny(shown.NoValue, "0123456789") {
			t.Errorf("its text for a value that is not known is %q, want words", shown.NoValue)
		}
		for _, o := range p.FieldConfig.Overrides {
			for _, property := range o.Properties {
				if property.ID == "unit" && !slices.Contains(units, strings.Trim(string(property.Value), `"`)) {
					t.Errorf("%s: its unit is %s", o.Matcher.Options, property.Value)
				}
			}
		}
	})
}

// TestColoursHaveWords checks that no state is shown by colour alone.
func TestColoursHaveWords(t *testing.T) {
	eachPanel(t, func(t *testing.T, p dashboards.Panel) {
		if p.Type == "state-timeline" && len(p.FieldConfig.Defaults.Mappings) == 0 {
			t.Error("its states have no text")
		}
		raw, err := json.Marshal(p.FieldConfig)
		if err != nil {
			t.Fatal(err)
		}
		for _, result := range mapped(t, raw) {
			if result["color"] != nil && result["text"] == nil {
				t.Errorf("a colour without text: %v", result)
			}
		}
	})
}

// mapped returns every result of a value mapping, including those of columns.
func mapped(t *testing.T, raw []byte) []map[string]any {
	t.Helper()
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		t.Fatal(err)
	}
	var results []map[string]any
	var walk func(any)
	walk = func(node any) {
		switch node := node.(type) {
		case map[string]any:
			if _, is := node["index"]; is {
				results = append(results, node)
			}
			for _, child := range node {
				walk(child)
			}
		case []any:
			for _, child := range node {
				walk(child)
			}
		}
	}
	walk(tree)
	return results
}

// TestColumnsExist checks that overrides and transformations refer only to columns that the queries return.
func TestColumnsExist(t *testing.T) {
	labels := regexp.MustCompile(`by \(([a-z_, ]+)\)`)
	eachPanel(t, func(t *testing.T, p dashboards.Panel) {
		if p.Type != "table" {
			return
		}
		columns := []string{"Time", "Value"}
		for _, target := range p.Targets {
			if target.Format != "table" {
				t.Errorf("%s is not formatted as a table", target.RefID)
			}
			if len(p.Targets) > 1 {
				columns = append(columns, "Value #"+target.RefID)
			}
			for _, by := range labels.FindAllStringSubmatch(target.Expr, -1) {
				columns = append(columns, strings.Split(by[1], ", ")...)
			}
		}
		shown := slices.Clone(columns)
		for _, transformation := range p.Transformations {
			var organize struct {
				ExcludeByName map[string]bool
				IndexByName   map[string]int
				RenameByName  map[string]string
			}
			if err := json.Unmarshal(transformation.Options, &organize); err != nil {
				t.Fatal(err)
			}
			for _, name := range keys(organize.ExcludeByName, organize.IndexByName, organize.RenameByName) {
				if !slices.Contains(columns, name) {
					t.Errorf("there is no column %q to arrange", name)
				}
			}
			for name, renamed := range organize.RenameByName {
				shown[slices.Index(shown, name)] = renamed
			}
		}
		for _, o := range p.FieldConfig.Overrides {
			if o.Matcher.ID != "byName" || !slices.Contains(shown, o.Matcher.Options) {
				t.Errorf("an override of %s %q, which does not exist", o.Matcher.ID, o.Matcher.Options)
			}
		}
	})
}

func keys(exclude map[string]bool, index map[string]int, rename map[string]string) []string {
	var names []string
	for name := range exclude {
		names = append(names, name)
	}
	for name := range index {
		names = append(names, name)
	}
	for name := range rename {
		names = append(names, name)
	}
	return names
}

func TestVariables(t *testing.T) {
	for _, d := range load(t) {
		variables := make(map[string]dashboards.Variable)
		sources := 0
		for _, v := range d.Templating.List {
			variables[v.Name] = v
			if v.Type == "datasource" {
				sources++
			}
			if v.Type == "query" && (v.Datasource != selected || v.Refresh != 2) {
				t.Errorf("%s: %s has the data source %+v and is refreshed on %d, want 2: on a change of the time range", d.File, v.Name, v.Datasource, v.Refresh)
			}
		}
		if source := variables["datasource"]; sources != 1 || source.Type != "datasource" || source.Label != "Data source" || source.Query != "prometheus" {
			t.Errorf("%s: %d data sources, %+v", d.File, sources, source)
		}
		for name, matches := range map[string]string{"cluster": ".*", "job": ".+", "instance": ".+"} {
			v := variables[name]
			if !v.Multi || !v.IncludeAll || v.AllValue != matches || !strings.EqualFold(v.Label, name) || v.Type != "query" {
				t.Errorf("%s: the variable %s is %+v", d.File, name, v)
			}
		}
		used := regexp.MustCompile(`\$\{?([a-zA-Z_]+)`)
		for _, name := range used.FindAllStringSubmatch(string(d.Raw), -1) {
			if _, known := variables[name[1]]; !known && !strings.HasPrefix(name[1], "__") {
				t.Errorf("%s: there is no variable %s", d.File, name[1])
			}
		}
	}
}

func TestFrame(t *testing.T) {
	uids := map[string]string{"overview.json": "vault-k8s-auth-overview", "target.json": "vault-k8s-auth-target"}
	found := load(t)
	if len(found) != len(uids) {
		t.Errorf("%d dashboards, want %d", len(found), len(uids))
	}
	for _, d := range found {
		if d.UID != uids[d.File] {
			t.Errorf("%s: its uid is %q, want %q: external links use it", d.File, d.UID, uids[d.File])
		}
		if d.Editable || d.SchemaVersion != 41 || d.Title == "" || d.Description == "" {
			t.Errorf("%s: editable %t, schema %d, title %q, description %q", d.File, d.Editable, d.SchemaVersion, d.Title, d.Description)
		}
		if bytes.Contains(d.Raw, []byte(`"__inputs"`)) || bytes.Contains(d.Raw, []byte(`"__requires"`)) {
			t.Errorf("%s was exported for sharing: if it is provisioned, its data source stays empty", d.File)
		}
		var tree map[string]any
		if err := json.Unmarshal(d.Raw, &tree); err != nil {
			t.Fatal(err)
		}
		if tree["id"] != nil {
			t.Errorf("%s has an id of a Grafana database", d.File)
		}
		if want := encode(t, tree); !bytes.Equal(d.Raw, want) {
			t.Errorf("%s is not formatted with two spaces and sorted keys", d.File)
		}
	}
}

func encode(t *testing.T, tree any) []byte {
	t.Helper()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(tree); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// fold is the height of a laptop's screen, in rows of Grafana's grid.
const fold = 20

func TestLayout(t *testing.T) {
	for _, d := range load(t) {
		ids, taken, graphs := map[int]bool{}, map[string]string{}, 0
		for _, p := range d.Panels {
			if ids[p.ID] {
				t.Errorf("%s: %s has the id %d of another panel", d.File, p.Title, p.ID)
			}
			ids[p.ID] = true
			if p.GridPos.Y < fold && p.Type != "stat" && p.Type != "row" {
				graphs++
			}
			if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W*p.GridPos.H == 0 {
				t.Errorf("%s: %s is at %+v", d.File, p.Title, p.GridPos)
			}
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					cell := fmt.Sprint(p.GridPos.X+x, " ", p.GridPos.Y+y)
					if other, is := taken[cell]; is {
						t.Fatalf("%s: %s covers %s", d.File, p.Title, other)
					}
					taken[cell] = p.Title
				}
			}
		}
		if graphs == 0 || graphs > 5 {
			t.Errorf("%s: %d graphs and tables above the fold, want at most five", d.File, graphs)
		}
	}
}

// TestLinksResolve follows the links to the other dashboard and to the documentation.
func TestLinksResolve(t *testing.T) {
	uids, docs := map[string]bool{}, map[string]bool{}
	for _, d := range load(t) {
		uids[d.UID] = true
		for _, v := range d.Templating.List {
			if v.Type == "constant" {
				docs[v.Query.(string)] = true
			}
		}
	}
	if len(docs) != 1 {
		t.Errorf("the dashboards use %d addresses of the documentation: %v", len(docs), docs)
	}
	toDashboard, toDocs := regexp.MustCompile(`"/d/([a-z0-9-]+)`), regexp.MustCompile(`"\$\{docs\}/([^"#]+)`)
	for _, d := range load(t) {
		others := 0
		for _, link := range toDashboard.FindAllSubmatch(d.Raw, -1) {
			if uid := string(link[1]); !uids[uid] {
				t.Errorf("%s: there is no dashboard %s", d.File, uid)
			} else if uid != d.UID {
				others++
			}
		}
		if others == 0 {
			t.Errorf("%s does not link to the other dashboard", d.File)
		}
		pages := toDocs.FindAllSubmatch(d.Raw, -1)
		if len(pages) == 0 {
			t.Errorf("%s does not link to the documentation", d.File)
		}
		for _, page := range pages {
			if _, err := os.Stat("../docs/" + string(page[1])); err != nil {
				t.Errorf("%s: %v", d.File, err)
			}
		}
	}
}

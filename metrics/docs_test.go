package metrics_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// described is what docs/metrics.md says about a metric.
type described struct{ kind, labels string }

// row is one line of a table of docs/metrics.md.
type row struct {
	described
	series string
}

func readDocs(t *testing.T) (text string, rows map[string]row) {
	t.Helper()
	raw, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	rows = make(map[string]row)
	for line := range strings.Lines(string(raw)) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|\n"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		name := strings.Trim(cells[0], "`")
		if _, twice := rows[name]; twice || len(cells) != 5 || cells[4] == "" {
			t.Errorf("%s is there twice, or does not have five cells", name)
		}
		labels := strings.Split(strings.ReplaceAll(cells[2], "`", ""), ", ")
		slices.Sort(labels)
		rows[name] = row{described{cells[1], strings.Join(labels, " ")}, cells[3]}
	}
	return string(raw), rows
}

func gathered(t *testing.T, rec *metrics.Recorder) (shown map[string]described, series map[string]int) {
	t.Helper()
	families, err := rec.Gather()
	if err != nil {
		t.Fatal(err)
	}
	shown, series = make(map[string]described), make(map[string]int)
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "vault_k8s_auth_") {
			continue
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		slices.Sort(labels)
		shown[f.GetName()] = described{strings.ToLower(f.GetType().String()), strings.Join(labels, " ")}
		series[f.GetName()] = len(f.GetMetric())
	}
	return shown, series
}

func TestDocsNameEveryMetric(t *testing.T) {
	_, rows := readDocs(t)
	documented := make(map[string]described)
	for name, r := range rows {
		documented[name] = r.described
	}
	shown, _ := gathered(t, full(t))
	if diff := cmp.Diff(shown, documented, cmp.AllowUnexported(described{})); diff != "" {
		t.Errorf("docs/metrics.md (-program +docs):\n%s", diff)
	}
}

// Without this a metric that the fixtures never show would need no documentation.
func TestFixturesShowEveryMetric(t *testing.T) {
	rec := full(t)
	shown, _ := gathered(t, rec)
	descs := make(chan *prometheus.Desc)
	go func() {
		rec.Registry().Describe(descs)
		close(descs)
	}()
	quoted := regexp.MustCompile(`fqName: "(vault_k8s_auth_[^"]*)"`)
	registered := 0
	for desc := range descs {
		if name := quoted.FindStringSubmatch(desc.String()); name != nil {
			registered++
			if _, ok := shown[name[1]]; !ok {
				t.Errorf("no fixture shows %s", name[1])
			}
		}
	}
	if registered+1 != len(shown) { // target_labels is not described: its labels depend on the configuration
		t.Errorf("%d metrics are registered, %d shown", registered+1, len(shown))
	}
}

func TestDocsCountSeries(t *testing.T) {
	text, rows := readDocs(t)
	rec := metrics.New([]evidence.Target{target("a")})
	r := healthy(target("a"))
	r.Warnings = slices.DeleteFunc(r.Warnings, func(w diagnose.Warning) bool {
		return w.Code == diagnose.MountAcceptsInvalidToken // judged by the probes after a failed login, or with the negative canary, only
	})
	rec.Record(&r)
	_, series := gathered(t, rec)

	total := 0
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		if !strings.Contains(rows[name].labels, "target") {
			continue
		}
		total += series[name]
		if got := strconv.Itoa(series[name]); got != rows[name].series {
			t.Errorf("%s: a healthy target has %s series, the docs say %q", name, got, rows[name].series)
		}
	}
	formula := regexp.MustCompile(`(?m)^    (\d+) = (.*)$`).FindStringSubmatch(text)
	if formula == nil {
		t.Fatal("docs/metrics.md has no formula")
	}
	if claimed := evaluate(formula[2]); claimed != total || formula[1] != strconv.Itoa(total) {
		t.Errorf("a healthy target has %d series, the formula %q gives %d", total, formula[0], claimed)
	}
	const budget = 84 // with a readable config and role, which are optional: seven of these are absent without them
	if total > budget {
		t.Errorf("a healthy target has %d series, the budget is %d", total, budget)
	}
}

// evaluate reads a sum of products in which words are allowed: "9 + 2 × 7 steps".
func evaluate(sum string) int {
	total := 0
	for term := range strings.SplitSeq(sum, "+") {
		product := 1
		for _, factor := range regexp.MustCompile(`\d+`).FindAllString(term, -1) {
			n, _ := strconv.Atoi(factor)
			product *= n
		}
		total += product
	}
	return total
}

package docs_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v4"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// alert is an alert or a recording rule in deploy/prometheus/rules.yaml.
type alert struct {
	Alert, Record, Expr string
	Labels, Annotations map[string]string
}

func alerts(t *testing.T) (all []alert) {
	t.Helper()
	var rules struct {
		Groups []struct{ Rules []alert }
	}
	if err := yaml.Unmarshal([]byte(read(t, "../deploy/prometheus/rules.yaml")), &rules); err != nil {
		t.Fatal(err)
	}
	for _, group := range rules.Groups {
		all = append(all, group.Rules...)
	}
	return all
}

const home = "https://github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/blob/main/docs/"

// TestAlertsSayWhatToDo checks that every alert names its target or job, and links to a runbook
// with the sections that every runbook has.
func TestAlertsSayWhatToDo(t *testing.T) {
	for _, a := range alerts(t) {
		if a.Alert == "" {
			continue
		}
		if s := a.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s: the severity is %q", a.Alert, s)
		}
		if summary := a.Annotations["summary"]; summary == "" || strings.Contains(summary, "{{") {
			t.Errorf("%s: the summary is not a plain sentence: %q", a.Alert, summary)
		}
		description := a.Annotations["description"]
		if strings.HasPrefix(description, "{{ $labels.target }}: ") && !strings.HasSuffix(description, " exec deploy/vault-k8s-auth-exporter -- /exporter check --target {{ $labels.target }}") {
			t.Errorf("%s: the description does not end in the command for the report", a.Alert)
		}
		if !strings.Contains(description, "$labels.target") && !strings.Contains(description, "$labels.job") {
			t.Errorf("%s: the description names neither target nor job", a.Alert)
		}
		file, ours := strings.CutPrefix(a.Annotations["runbook_url"], home+"runbooks/")
		if !ours || file != a.Alert+".md" {
			t.Errorf("%s: the runbook is at %s", a.Alert, a.Annotations["runbook_url"])
			continue
		}
		runbook := read(t, "runbooks/"+file)
		for _, heading := range []string{"# " + a.Alert, "## Meaning", "## Impact", "## Diagnosis", "## Mitigation"} {
			if !strings.Contains(runbook, heading+"\n\n") {
				t.Errorf("%s: the runbook lacks %q", a.Alert, heading)
			}
		}
	}
}

// TestRunbooks checks that every runbook belongs to an alert, and that together they link to every
// reason and warning.
func TestRunbooks(t *testing.T) {
	entries, err := os.ReadDir("runbooks")
	if err != nil {
		t.Fatal(err)
	}
	var together strings.Builder
	for _, entry := range entries {
		name, _ := strings.CutSuffix(entry.Name(), ".md")
		if !slices.ContainsFunc(alerts(t), func(a alert) bool { return a.Alert == name }) {
			t.Errorf("there is no alert %s", name)
		}
		together.WriteString(read(t, "runbooks/"+entry.Name()))
	}
	var sections []string
	for _, reason := range diagnose.Reasons() {
		sections = append(sections, "reasons.md#"+string(reason))
	}
	for _, warning := range diagnose.WarningCodes() {
		sections = append(sections, "warnings.md#"+string(warning))
	}
	for _, section := range sections {
		if !strings.Contains(together.String(), "](../"+section+")") {
			t.Errorf("no runbook links to %s", section)
		}
	}
}

// TestAlertsUseExistingMetrics checks that every metric in an expression is recorded, or
// documented and therefore exported.
func TestAlertsUseExistingMetrics(t *testing.T) {
	metrics := read(t, "metrics.md")
	metric := regexp.MustCompile(`vault_k8s_auth[a-z0-9_:]+`)
	recorded := map[string]bool{}
	for _, a := range alerts(t) {
		recorded[a.Record] = true
		for _, name := range metric.FindAllString(a.Expr, -1) {
			if !recorded[name] && !strings.Contains(metrics, "`"+name+"`") {
				t.Errorf("%s%s uses %s, which is neither exported nor recorded", a.Alert, a.Record, name)
			}
		}
	}
}

// TestAlertsMatchOnComponents checks that no alert matches on reasons, because later versions add
// some; that none names the labels that it aggregates by or joins on, because the label of the
// cluster has another name elsewhere; and that none uses scalar, which is NaN if a recorded rule
// arrives twice.
func TestAlertsMatchOnComponents(t *testing.T) {
	byReason := regexp.MustCompile(`reason(=~|!~|="[^"])`)
	namesLabels := regexp.MustCompile(`\b(on|by) *\(|\bscalar\(`)
	for _, a := range alerts(t) {
		if byReason.MatchString(strings.ReplaceAll(a.Expr, `reason="none"`, "")) {
			t.Errorf("%s: matches on a list of reasons", a.Alert)
		}
		if found := namesLabels.FindString(a.Expr); found != "" {
			t.Errorf("%s%s: uses %q", a.Alert, a.Record, found)
		}
	}
}

// moment is one expectation of a promtool test case: what an expression returns at one time.
type moment struct {
	Expr string
	At   string                    `yaml:"eval_time"`
	Want []struct{ Labels string } `yaml:"exp_samples"`
}

func (m moment) time(t *testing.T) time.Duration {
	t.Helper()
	at, err := model.ParseDuration(m.At)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(at)
}

// fires reports whether the alert is expected to fire.
func (m moment) fires(a alert) bool {
	for _, want := range m.Want {
		if strings.Contains(want.Labels, `alertname="`+a.Alert+`", severity="`+a.Labels["severity"]+`"`) {
			return true
		}
	}
	return false
}

var oneAlert = regexp.MustCompile(`ALERTS\{alertname="(\w+)"`)

// silent reports whether the expression would return the alert if it fired, but it is not expected.
func (m moment) silent(a alert) bool {
	of := oneAlert.FindStringSubmatch(m.Expr)
	return strings.Contains(m.Expr, "ALERTS{") && (of == nil || of[1] == a.Alert) && !m.fires(a)
}

// TestAlertsAreTested checks that promtool test cases show each severity of each alert starting to fire and resolving.
func TestAlertsAreTested(t *testing.T) {
	var file struct {
		Tests []struct {
			Moments []moment `yaml:"promql_expr_test"`
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "../deploy/prometheus/tests.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	for _, a := range alerts(t) {
		if a.Alert == "" {
			continue
		}
		var before, after bool
		for _, test := range file.Tests {
			first := slices.IndexFunc(test.Moments, func(m moment) bool { return m.fires(a) })
			for _, m := range test.Moments {
				if first >= 0 && m.silent(a) {
					at := test.Moments[first].time(t)
					before, after = before || m.time(t) < at, after || m.time(t) > at
				}
			}
		}
		if !before || !after {
			t.Errorf("%s (%s): shown to start: %t, to resolve: %t", a.Alert, a.Labels["severity"], before, after)
		}
	}
}

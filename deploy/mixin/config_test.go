package mixin

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

type rule struct {
	Alert, Record, Expr string
	Annotations         map[string]string
}

// rendered is what a mixin with these fields of _config consists of.
type rendered struct {
	Rules      []rule
	Dashboards json.RawMessage
}

func render(t *testing.T, config string) (r rendered) {
	t.Helper()
	evaluate := exec.Command("go", "tool", "-modfile=tools/go.mod", "jsonnet", "-e", `
		local mixin = (import 'deploy/mixin/mixin.libsonnet') + { _config+:: `+config+` };
		{
			rules: std.flattenArrays([g.rules for g in mixin.prometheusRules.groups + mixin.prometheusAlerts.groups]),
			dashboards: mixin.grafanaDashboards,
		}`)
	evaluate.Dir, evaluate.Stderr = root, os.Stderr
	text, err := evaluate.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

var exported = regexp.MustCompile(`\bvault_k8s_auth_[a-z0-9_]+(\{[^}]*\})?`)

// TestConfig checks that what an installation sets reaches every rule and both dashboards.
func TestConfig(t *testing.T) {
	const selector = `job="own"`
	r := render(t, `{
		selector: 'job="own"', clusterLabel: 'k8s_cluster', processLabels: ['instance', 'hostname'], errorBudget: 0.001,
		grafanaURL: 'https://grafana.example.com', statusURL: 'https://page.example.com', docsURL: 'https://docs.example.com', workload: 'deploy/canary',
	}`)
	for _, rule := range r.Rules {
		name := rule.Alert + rule.Record
		for _, metric := range exported.FindAllString(rule.Expr, -1) {
			if !strings.Contains(metric, selector) {
				t.Errorf("%s: %s is without the selector", name, metric)
			}
		}
		if strings.Contains(rule.Expr, "pod") || strings.Contains(rule.Expr, "without (") && !strings.Contains(rule.Expr, "instance, hostname") && !strings.Contains(rule.Expr, "without (component") {
			t.Errorf("%s: does not aggregate over the processes:\n%s", name, rule.Expr)
		}
		if rule.Alert == "" {
			continue
		}
		dashboard, page, description := rule.Annotations["dashboard_url"], rule.Annotations["status_url"], rule.Annotations["description"]
		wantDashboard, wantPage := "https://grafana.example.com/d/vault-k8s-auth-overview?var-job={{ $labels.job }}", "https://page.example.com/"
		if strings.HasPrefix(description, "{{ $labels.target }}") {
			wantDashboard, wantPage = "https://grafana.example.com/d/vault-k8s-auth-target?var-target={{ $labels.target }}", "https://page.example.com/targets/{{ $labels.target }}"
			if !strings.Contains(description, " exec deploy/canary -- /exporter check --target {{ $labels.target }}") {
				t.Errorf("%s: the description lacks the command:\n%s", name, description)
			}
		}
		if dashboard != wantDashboard || page != wantPage {
			t.Errorf("%s: the dashboard is at %q, the page at %q", name, dashboard, page)
		}
		for _, document := range []string{"reasons.md#", "warnings.md#"} {
			if strings.Contains(description, document) && !strings.Contains(description, "https://page.example.com/docs/"+document) {
				t.Errorf("%s: the description does not link to the page's %s:\n%s", name, document, description)
			}
		}
		if rule.Annotations["runbook_url"] != "https://docs.example.com/runbooks/"+rule.Alert+".md" {
			t.Errorf("%s: the runbook is at %q", name, rule.Annotations["runbook_url"])
		}
		if rule.Alert == "VaultK8sAuthErrorBudgetBurn" && !strings.Contains(rule.Expr, "* 0.001") {
			t.Errorf("%s: the error budget is not set:\n%s", name, rule.Expr)
		}
	}
	dashboards := string(r.Dashboards)
	for _, want := range []string{`k8s_cluster=~\"$cluster\"`, `job=\"own\"`, "https://docs.example.com", "by (k8s_cluster, namespace, job, target)"} {
		if !strings.Contains(dashboards, want) {
			t.Errorf("no dashboard contains %s", want)
		}
	}
	if strings.Contains(dashboards, `{cluster=~`) || strings.Contains(dashboards, "by (cluster") {
		t.Error("a query names the default label of the cluster")
	}
}

// TestNoLinksByDefault checks that alerts link only to addresses that are set.
func TestNoLinksByDefault(t *testing.T) {
	for _, rule := range render(t, `{}`).Rules {
		if rule.Annotations["dashboard_url"] != "" || rule.Annotations["status_url"] != "" {
			t.Errorf("%s: %v", rule.Alert, rule.Annotations)
		}
	}
}

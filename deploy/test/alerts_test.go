package deploy

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"k8s.io/apimachinery/pkg/runtime"
	sigsyaml "sigs.k8s.io/yaml"
)

const home = "https://github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/blob/main/docs/"

const rulesFile = "../prometheus/rules.yaml"

// shipped returns the rules in deploy/prometheus/rules.yaml.
func shipped(t *testing.T) monitoringv1.PrometheusRuleSpec {
	t.Helper()
	text, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	var spec monitoringv1.PrometheusRuleSpec
	if err := sigsyaml.UnmarshalStrict(text, &spec); err != nil {
		t.Fatal(err)
	}
	return spec
}

// alerts returns the PrometheusRule that the chart renders with these additional values.
func alerts(t *testing.T, text string) monitoringv1.PrometheusRuleSpec {
	t.Helper()
	var rule monitoringv1.PrometheusRule
	rendered := render(t, merged(t, text)).only(t, "PrometheusRule")
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(rendered.Object, &rule); err != nil {
		t.Fatal(err)
	}
	return rule.Spec
}

// change edits every rule with this name.
func change(spec monitoringv1.PrometheusRuleSpec, alert string, edit func(*monitoringv1.Rule)) {
	for _, group := range spec.Groups {
		for i := range group.Rules {
			if group.Rules[i].Alert == alert || group.Rules[i].Record == alert {
				edit(&group.Rules[i])
			}
		}
	}
}

// TestDefaultRules checks that by default the chart renders the rules unchanged.
func TestDefaultRules(t *testing.T) {
	if diff := cmp.Diff(shipped(t), alerts(t, `prometheusRule: {enabled: true}`)); diff != "" {
		t.Errorf("(-repository +chart):\n%s", diff)
	}
}

func TestAlertsCanBeChanged(t *testing.T) {
	replaced := func(alert, severity, old, threshold string) func(monitoringv1.PrometheusRuleSpec) {
		return func(spec monitoringv1.PrometheusRuleSpec) {
			change(spec, alert, func(r *monitoringv1.Rule) {
				if r.Labels["severity"] == severity {
					expr, found := strings.CutSuffix(r.Expr.StrVal, old)
					if !found {
						t.Errorf("the expression of %s does not end in its threshold:\n%s", alert, r.Expr.StrVal)
					}
					r.Expr.StrVal = expr + threshold
				}
			})
		}
	}
	for name, test := range map[string]struct {
		values string
		want   func(monitoringv1.PrometheusRuleSpec)
	}{
		"for": {`VaultK8sAuthWarning: {for: 1d}`, func(spec monitoringv1.PrometheusRuleSpec) {
			change(spec, "VaultK8sAuthWarning", func(r *monitoringv1.Rule) { r.For = new(monitoringv1.Duration("1d")) })
		}},
		"keepFiringFor": {`VaultK8sAuthFlaky: {keepFiringFor: 20m}`, func(spec monitoringv1.PrometheusRuleSpec) {
			change(spec, "VaultK8sAuthFlaky", func(r *monitoringv1.Rule) { r.KeepFiringFor = new(monitoringv1.NonEmptyDuration("20m")) })
		}},
		"expr": {`VaultK8sAuthWarning: {expr: vector(1)}`, func(spec monitoringv1.PrometheusRuleSpec) {
			change(spec, "VaultK8sAuthWarning", func(r *monitoringv1.Rule) { r.Expr.StrVal = "vector(1)" })
		}},
		"expr of a severity": {`VaultK8sAuthTokenExpiring: {expr: {critical: vector(1)}}`, func(spec monitoringv1.PrometheusRuleSpec) {
			change(spec, "VaultK8sAuthTokenExpiring", func(r *monitoringv1.Rule) {
				if r.Labels["severity"] == "critical" {
					r.Expr.StrVal = "vector(1)"
				}
			})
		}},
		"labels": {`VaultK8sAuthFlaky: {labels: {severity: info, team: vault}, annotations: {dashboard: here}}`, func(spec monitoringv1.PrometheusRuleSpec) {
			change(spec, "VaultK8sAuthFlaky", func(r *monitoringv1.Rule) {
				r.Labels["severity"], r.Labels["team"], r.Annotations["dashboard"] = "info", "vault", "here"
			})
		}},
		"threshold of one":           {`VaultK8sAuthFlaky: {thresholds: {warning: 0.5}}`, replaced("VaultK8sAuthFlaky", "warning", "> 0.2", "> 0.5")},
		"threshold of tokens":        {`VaultK8sAuthTokensNotRevoked: {thresholds: {warning: 10}}`, replaced("VaultK8sAuthTokensNotRevoked", "warning", ">= 3", ">= 10")},
		"threshold of the canary":    {`VaultK8sAuthCanaryFailing: {thresholds: {warning: 900}}`, replaced("VaultK8sAuthCanaryFailing", "warning", "< 300", "< 900")},
		"threshold of a severity":    {`VaultK8sAuthTokenExpiring: {thresholds: {critical: 0.05}}`, replaced("VaultK8sAuthTokenExpiring", "critical", "< 0.02", "< 0.05")},
		"threshold of the first":     {`VaultK8sAuthTokenExpiring: {thresholds: {warning: 0.25}}`, replaced("VaultK8sAuthTokenExpiring", "warning", "< 0.1", "< 0.25")},
		"threshold of a certificate": {`VaultK8sAuthCertificateExpiring: {thresholds: {critical: 0.05}}`, replaced("VaultK8sAuthCertificateExpiring", "critical", "< 0.02", "< 0.05")},
	} {
		t.Run(name, func(t *testing.T) {
			want := shipped(t)
			test.want(want)
			if diff := cmp.Diff(want, alerts(t, `prometheusRule: {enabled: true, alerts: {`+test.values+`}}`)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAllAlertsTogether(t *testing.T) {
	const grafana, page = "https://grafana.example.com", "https://vault-auth.example.com"
	want := shipped(t)
	change(want, "VaultK8sAuthErrorBudgetBurn", func(r *monitoringv1.Rule) { r.Expr.StrVal = strings.ReplaceAll(r.Expr.StrVal, "* 0.005", "* 0.001") })
	for _, group := range want.Groups {
		for i := range group.Rules {
			if r := &group.Rules[i]; r.Alert != "" {
				r.Labels["team"], r.Annotations["site"] = "platform", "eu"
				r.Annotations["runbook_url"] = "https://wiki.example.com/" + r.Alert + ".md"
				r.Annotations["dashboard_url"], r.Annotations["status_url"] = grafana+"/d/vault-k8s-auth-overview?var-job={{ $labels.job }}", page+"/"
				if strings.Contains(r.Annotations["description"], "$labels.target") {
					r.Annotations["dashboard_url"], r.Annotations["status_url"] = grafana+"/d/vault-k8s-auth-target?var-target={{ $labels.target }}", page+"/targets/{{ $labels.target }}"
				}
				r.Annotations["description"] = strings.ReplaceAll(r.Annotations["description"], home+"reasons.md", "https://wiki.example.com/reasons")
				r.Annotations["description"] = strings.ReplaceAll(r.Annotations["description"], home+"warnings.md", "https://wiki.example.com/warnings")
			}
		}
	}
	got := alerts(t, `prometheusRule: {enabled: true, errorBudget: 0.001, runbookURLPrefix: "https://wiki.example.com/", reasonsURL: "https://wiki.example.com/reasons",
		warningsURL: "https://wiki.example.com/warnings",
		grafanaURL: "`+grafana+`", statusURL: "`+page+`", extraLabels: {team: platform}, extraAnnotations: {site: eu}}`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAlertsLinkToTheExternalURL checks that alerts link to the page where it is known and served.
func TestAlertsLinkToTheExternalURL(t *testing.T) {
	for values, want := range map[string][2]string{
		`externalURL: "https://example.com/vault-auth/"`:        {"https://example.com/vault-auth/targets/{{ $labels.target }}", "https://example.com/vault-auth/docs/reasons.md#"},
		`externalURL: "https://example.com", statusPage: false`: {"", home + "reasons.md#"},
	} {
		change(alerts(t, `{prometheusRule: {enabled: true}, `+values+`}`), "VaultK8sAuthLoginFailing", func(r *monitoringv1.Rule) {
			if page, description := r.Annotations["status_url"], r.Annotations["description"]; page != want[0] || !strings.Contains(description, want[1]) {
				t.Errorf("%s: the page is at %q, and the description is %s", values, page, description)
			}
		})
	}
}

// TestCommandNamesTheWorkload checks that the command in a description runs in what the chart installs.
func TestCommandNamesTheWorkload(t *testing.T) {
	for values, want := range map[string]string{
		`{prometheusRule: {enabled: true}, fullnameOverride: canary}`:                                                                        " exec deploy/canary -- /exporter check ",
		`{prometheusRule: {enabled: true}, fullnameOverride: canary, targets: [{name: a}, {name: b}], sharding: {enabled: true, shards: 2}}`: " exec statefulset/canary -- /exporter check ",
	} {
		change(alerts(t, values), "VaultK8sAuthLoginFailing", func(r *monitoringv1.Rule) {
			if !strings.Contains(r.Annotations["description"], want) {
				t.Errorf("%s: the description does not contain %q:\n%s", values, want, r.Annotations["description"])
			}
		})
	}
}

// TestAlertsCanBeDisabled disables each alert by its name, which checks that the schema has that name. If all alerts of a group are
// disabled, the group must be omitted, because the operator's type requires a list of rules.
func TestAlertsCanBeDisabled(t *testing.T) {
	off := func(names ...string) string {
		return `prometheusRule: {enabled: true, alerts: {` + strings.Join(names, ": {enabled: false}, ") + `: {enabled: false}}}`
	}
	for i, group := range shipped(t).Groups {
		var names []string
		for _, rule := range group.Rules {
			if rule.Alert == "" {
				continue
			}
			names = append(names, rule.Alert)
			got := alerts(t, off(rule.Alert))
			change(got, rule.Alert, func(*monitoringv1.Rule) { t.Errorf("%s is rendered although it is disabled", rule.Alert) })
		}
		if len(names) == 0 {
			continue
		}
		want := shipped(t)
		want.Groups = slices.Delete(want.Groups, i, i+1)
		slices.Sort(names)
		if diff := cmp.Diff(want, alerts(t, off(slices.Compact(names)...))); diff != "" {
			t.Errorf("without %v (-want +got):\n%s", names, diff)
		}
	}
}

// TestExtraGroups checks that additional groups follow the chart's own and keep the templates of Prometheus.
func TestExtraGroups(t *testing.T) {
	got := alerts(t, `prometheusRule: {enabled: true, extraGroups: [{name: own, rules: [{alert: Own, expr: "up == 0", annotations: {summary: "{{ $labels.job }}"}}]}]}`).Groups
	own := got[len(got)-1]
	if own.Name != "own" || own.Rules[0].Annotations["summary"] != "{{ $labels.job }}" {
		t.Errorf("the last group is %+v", own)
	}
	if diff := cmp.Diff(shipped(t).Groups, got[:len(got)-1]); diff != "" {
		t.Errorf("the chart's own groups (-repository +chart):\n%s", diff)
	}
}

// TestClusterLabel checks that another label replaces cluster in every expression and dashboard, and nothing else.
func TestClusterLabel(t *testing.T) {
	label := regexp.MustCompile(`\bcluster\b`)
	want := shipped(t)
	for _, group := range want.Groups {
		for i := range group.Rules {
			group.Rules[i].Expr.StrVal = label.ReplaceAllString(group.Rules[i].Expr.StrVal, "k8s_cluster")
		}
	}
	const text = `{prometheusRule: {enabled: true, clusterLabel: k8s_cluster}, grafanaDashboard: {enabled: true, namespace: grafana}}`
	if diff := cmp.Diff(want, alerts(t, text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, o := range render(t, merged(t, text)) {
		if o.GetNamespace() == "grafana" {
			for name, content := range o.Object["data"].(map[string]any) {
				if at := label.FindString(content.(string)); at != "" || !strings.Contains(content.(string), `by (k8s_cluster, `) {
					t.Errorf("%s still has %q", name, at)
				}
			}
		}
	}
}

// TestVMRule checks that VictoriaMetrics' operator gets the same rules.
func TestVMRule(t *testing.T) {
	all := render(t, merged(t, `{vmRule: {enabled: true, namespace: vm, labels: {a: b}}, prometheusRule: {alerts: {VaultK8sAuthFlaky: {for: 1h}}}}`))
	got := convert[vmRule](t, all.only(t, "VMRule"))
	if diff := cmp.Diff(alerts(t, `prometheusRule: {enabled: true, alerts: {VaultK8sAuthFlaky: {for: 1h}}}`), got.Spec); diff != "" {
		t.Errorf("(-PrometheusRule +VMRule):\n%s", diff)
	}
	if got.Namespace != "vm" || got.Labels["a"] != "b" {
		t.Errorf("the VMRule is in %s with the labels %v", got.Namespace, got.Labels)
	}
}

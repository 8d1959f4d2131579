package dashboards_test

import (
	"fmt"
	"slices"
	"strings"
)

// asked are the matchers that let a reader choose what a panel is about.
var asked = []string{`cluster=~"$cluster"`, `job=~"$job"`, `instance=~"$instance"`}

var aggregations = []string{"sum", "min", "max", "group", "count", "quantile"}

// faults tells what is wrong with a query. The types of the metrics are those of docs/metrics.md.
func faults(query string, types map[string]string) []string {
	var found []string
	fault := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	all := parse(query)
	if len(all) == 0 {
		fault("no metric of the exporter")
	}
	for _, s := range all {
		kind := types[documented(s.metric)]
		if kind == "" {
			fault("%s is not in docs/metrics.md", s.metric)
		}
		for _, matcher := range asked {
			if !slices.Contains(strings.Split(s.matchers, ", "), matcher) {
				fault("%s is asked for without %s", s.metric, matcher)
			}
		}
		if !slices.ContainsFunc(s.within, func(name string) bool { return slices.Contains(aggregations, name) }) {
			fault("%s is not aggregated: two processes may show the same target", s.metric)
		}
		grows, function := kind == "counter" || kind == "histogram", strings.Join(s.within[:min(1, len(s.within))], "")
		if grows && function != "rate" && function != "increase" {
			fault("%s only grows: rate or increase belongs around it", s.metric)
		}
		if function == "rate" && s.window != "$__rate_interval" {
			fault("the rate of %s is taken over %q, want $__rate_interval", s.metric, s.window)
		}
		if slices.Contains(s.within, "count") && (grows || slices.Contains(fromTheStart, s.metric)) {
			fault("%s is there from the start: counting its series counts nothing that happened", s.metric)
		}
	}
	for _, invented := range []string{"vector(", "absent("} {
		if strings.Contains(query, invented) {
			fault("%s) gives a number where nothing is known", invented)
		}
	}
	return found
}

// fromTheStart are gauges that are 0 as often as 1.
var fromTheStart = []string{
	"vault_k8s_auth_warning", "vault_k8s_auth_step_success", "vault_k8s_auth_reviewer_up", "vault_k8s_auth_canary_login_up",
	"vault_k8s_auth_exporter_leader", "vault_k8s_auth_exporter_config_last_reload_successful",
}

// documented is the name in docs/metrics.md, which knows histograms as one metric.
func documented(metric string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if whole, is := strings.CutSuffix(metric, suffix); is {
			return whole
		}
	}
	return metric
}

package dashboards_test

import (
	"fmt"
	"slices"
	"strings"
)

// required are the matchers by which the user filters a panel.
var required = []string{`cluster=~"$cluster"`, `job=~"$job"`, `instance=~"$instance"`}

var aggregations = []string{"sum", "min", "max", "group", "count", "quantile"}

// violations returns the rules that a query breaks. types has the type of every metric in docs/metrics.md.
func violations(query string, types map[string]string) []string {
	var found []string
	violation := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	all := parse(query)
	if len(all) == 0 {
		violation("no metric of the exporter")
	}
	for _, s := range all {
		kind := types[documented(s.metric)]
		if kind == "" {
			violation("%s is not in docs/metrics.md", s.metric)
		}
		for _, matcher := range required {
			if !slices.Contains(strings.Split(s.matchers, ", "), matcher) {
				violation("%s is queried without %s", s.metric, matcher)
			}
		}
		if !slices.ContainsFunc(s.within, func(name string) bool { return slices.Contains(aggregations, name) }) {
			violation("%s is not aggregated: two processes may expose the same target", s.metric)
		}
		increases, function := kind == "counter" || kind == "histogram", strings.Join(s.within[:min(1, len(s.within))], "")
		if increases && function != "rate" && function != "increase" {
			violation("%s only increases: it needs rate or increase", s.metric)
		}
		if function == "rate" && s.window != "$__rate_interval" {
			violation("the rate of %s is taken over %q, want $__rate_interval", s.metric, s.window)
		}
		if slices.Contains(s.within, "count") && (increases || slices.Contains(presentFromStart, s.metric)) {
			violation("all series of %s are present from the start: counting them has no meaning", s.metric)
		}
	}
	for _, function := range []string{"vector(", "absent("} {
		if strings.Contains(query, function) {
			violation("%s) returns a number although the value is not known", function)
		}
	}
	return found
}

// presentFromStart are gauges whose series exist whether the value is 0 or 1.
var presentFromStart = []string{
	"vault_k8s_auth_warning", "vault_k8s_auth_step_success", "vault_k8s_auth_reviewer_up", "vault_k8s_auth_canary_login_up",
	"vault_k8s_auth_exporter_leader", "vault_k8s_auth_exporter_config_last_reload_successful",
}

// documented returns the name in docs/metrics.md, which lists a histogram as one metric.
func documented(metric string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if whole, is := strings.CutSuffix(metric, suffix); is {
			return whole
		}
	}
	return metric
}

package lab

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

func TestSpeedUp(t *testing.T) {
	const config = `
groups:
  - name: alerts
    interval: 1m
    rules:
      - alert: Failing
        expr: max_over_time(up[2m]) == 0 and on (target) rate(failures_total[1h]) > 14
        for: 15m
        keep_firing_for: 0s
        annotations: {description: "for 15m, see [2m]"}
route: {group_wait: 30s, repeat_interval: 4h, routes: [{group_wait: 2s}]}
`
	const want = `
groups:
  - name: alerts
    interval: 10s
    rules:
      - alert: Failing
        expr: max_over_time(up[20s]) == 0 and on (target) rate(failures_total[10m]) > 14
        for: 2m30s
        keep_firing_for: 0s
        annotations: {description: "for 15m, see [2m]"}
route: {group_wait: 5s, repeat_interval: 40m, routes: [{group_wait: 1s}]}
`
	got, err := SpeedUp([]byte(config), 6)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(parseYAML(t, want), parseYAML(t, string(got))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSpeedUpRejects(t *testing.T) {
	for config, part := range map[string]string{
		"route: {group_wait: soon}":       "line 1: group_wait",
		"rules: [{expr: 'rate(a[5mm])'}]": "5mm",
		"rules: [":                        "line",
	} {
		if _, err := SpeedUp([]byte(config), 6); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, want %q", config, err, part)
		}
	}
}

func parseYAML(t *testing.T, text string) any {
	t.Helper()
	var document any
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	return document
}

package probe_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// TestEverySourceIsComplete ranges over the constants in the source: each has a spec that
// is listed and lacks nothing, a row in the documentation, and a mode of the chart.
func TestEverySourceIsComplete(t *testing.T) {
	documentation, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	modes := chartModes(t)
	names := parse(t, "evidence").constants("SourceName")
	if len(names) < 5 {
		t.Fatalf("found the sources %q", names)
	}
	for constant, name := range names {
		at := slices.IndexFunc(evidence.Sources, func(s evidence.Source) bool { return string(s.Name) == name })
		if at < 0 {
			t.Errorf("%s is not in evidence.Sources", constant)
			continue
		}
		s := evidence.Sources[at]
		if (s.Obtain == nil) != s.AccessReview || s.Value == nil || s.Describe == nil || s.Inspect == nil || s.Export == nil || s.Renewed == nil || s.Permission == nil {
			t.Errorf("the spec of %s lacks something", constant)
		}
		if !strings.Contains(string(documentation), "\n| `"+name+"` | ") {
			t.Errorf("docs/configuration.md has no row for %s", constant)
		}
		if !slices.Contains(modes, name) {
			t.Errorf("the chart's reviewer.mode admits %q, not %s", modes, constant)
		}
	}
}

// chartModes are the values that the chart's schema admits for reviewer.mode.
func chartModes(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("../deploy/helm/vault-k8s-auth-exporter/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties struct {
			Reviewer struct {
				Properties struct {
					Mode struct{ Enum []string }
				}
			}
		}
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	return schema.Properties.Reviewer.Properties.Mode.Enum
}

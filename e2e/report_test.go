package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// The JSON of check, written down again: its keys are public, and what the exporter
// adds or drops must show.
type (
	report struct {
		Targets []targetReport `json:"targets"`
	}
	targetReport struct {
		Target    string          `json:"target"`
		Healthy   bool            `json:"healthy"`
		Reason    string          `json:"reason"`
		Party     string          `json:"party"`
		Certainty string          `json:"certainty"`
		Detail    string          `json:"detail"`
		Because   []string        `json:"because"`
		Fix       []string        `json:"fix"`
		Runbook   string          `json:"runbook"`
		Reviewer  reviewerReport  `json:"reviewer"`
		Started   time.Time       `json:"started"`
		Duration  float64         `json:"duration_seconds"`
		Warnings  []warningReport `json:"warnings"`
		Steps     []stepReport    `json:"steps"`
	}
	reviewerReport struct {
		Reason string `json:"reason"`
		Party  string `json:"party"`
		Detail string `json:"detail"`
	}
	warningReport struct {
		Warning string   `json:"warning"`
		Detail  string   `json:"detail"`
		Fix     []string `json:"fix"`
	}
	stepReport struct {
		Step     string  `json:"step"`
		State    string  `json:"state"`
		Detail   string  `json:"detail"`
		Duration float64 `json:"duration_seconds"`
	}
)

// checkJSON runs check and reads its report of the one target, which must have said
// the same by its exit code.
func checkJSON(t *testing.T, env []string) targetReport {
	t.Helper()
	end := run(t, env, "check", "--output", "json")
	target := decode(t, end)
	want := 1
	if target.Healthy {
		want = 0
	}
	if end.code != want || end.stderr != "" {
		t.Errorf("check: exit code %d where healthy is %t, stderr %q", end.code, target.Healthy, end.stderr)
	}
	return target
}

func decode(t *testing.T, end ending) targetReport {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(end.stdout))
	decoder.DisallowUnknownFields()
	var got report
	if err := decoder.Decode(&got); err != nil {
		t.Fatalf("decoding the report: %v\n%s%s", err, end.stdout, end.stderr)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		t.Errorf("something follows the report:\n%s", end.stdout)
	}
	if len(got.Targets) != 1 || got.Targets[0].Target != "default" {
		t.Fatalf("the report is not of the one target:\n%s", end.stdout)
	}
	return got.Targets[0]
}

// state is empty where the report has no such step.
func (r targetReport) state(step string) string {
	for _, s := range r.Steps {
		if s.Step == step {
			return s.State
		}
	}
	return ""
}

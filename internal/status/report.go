package status

import (
	"encoding/json"
	"io"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
)

// The JSON of check: that of the API without state and history. Its keys are public:
// docs/api.md.
type (
	// Report is one run of every target.
	Report struct {
		Targets []Verdict `json:"targets"`
	}
	// Verdict is one run of one target.
	Verdict struct {
		Target    string          `json:"target"`
		Healthy   bool            `json:"healthy"`
		Reason    probe.Reason    `json:"reason"`
		Component probe.Component `json:"component"`
		Certainty probe.Certainty `json:"certainty"`
		Detail    string          `json:"detail"`
		Because   []string        `json:"because"`
		Fix       []string        `json:"fix"`
		Runbook   string          `json:"runbook"`
		Reviewer  Reviewer        `json:"reviewer"`
		Started   time.Time       `json:"started"`
		Duration  float64         `json:"duration_seconds"`
		Warnings  []Warning       `json:"warnings"`
		Steps     []Step          `json:"steps"`
	}
	// Reviewer is the verdict about the configured reviewer alone.
	Reviewer struct {
		Reason    probe.Reason    `json:"reason"`
		Component probe.Component `json:"component"`
		Detail    string          `json:"detail"`
	}
	// Warning is a raised warning.
	Warning struct {
		Warning probe.WarningCode `json:"warning"`
		Detail  string            `json:"detail"`
		Fix     []string          `json:"fix"`
	}
	// Step is one step of the run, in causal order.
	Step struct {
		Step     string          `json:"step"`
		State    probe.StepState `json:"state"`
		Detail   string          `json:"detail"`
		Duration float64         `json:"duration_seconds"`
	}
)

// WriteReport writes results as JSON.
func WriteReport(w io.Writer, results []probe.Result) error {
	all := Report{Targets: []Verdict{}}
	for _, r := range results {
		all.Targets = append(all.Targets, verdictOf(r))
	}
	return writeJSON(w, all)
}

func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

func verdictOf(r probe.Result) Verdict {
	d := r.Diagnosis
	v := Verdict{
		Target: r.Target.Name, Healthy: r.Healthy(),
		Reason: d.Reason, Component: d.Component(), Certainty: d.Certainty, Detail: d.Detail,
		Because: listOf(d.Because), Fix: listOf(d.Fix), Runbook: d.Reason.Runbook(),
		Reviewer: Reviewer{Reason: d.Reviewer.Reason, Component: d.Reviewer.Component(), Detail: d.Reviewer.Detail},
		Started:  r.Start.UTC(), Duration: r.Duration.Seconds(),
		Warnings: []Warning{}, Steps: []Step{},
	}
	for _, warning := range r.Raised() {
		v.Warnings = append(v.Warnings, Warning{Warning: warning.Code, Detail: warning.Detail, Fix: listOf(warning.Fix)})
	}
	for _, s := range r.Steps() {
		v.Steps = append(v.Steps, Step{Step: s.Name, State: s.State, Detail: s.Detail, Duration: s.Elapsed.Seconds()})
	}
	return v
}

// listOf makes JSON show an empty list as [], not as null.
func listOf(lines []string) []string {
	if lines == nil {
		return []string{}
	}
	return lines
}

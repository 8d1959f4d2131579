package status

import (
	"encoding/json"
	"io"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/maintenance"
)

// The JSON of check: that of the API without state and history. Its keys are public:
// docs/api.md.
type (
	// Report is one run of every target.
	Report struct {
		Targets   []Verdict  `json:"targets"`
		Incidents []Incident `json:"incidents"`
	}
	// Incident is one cause, and the targets that fail for it.
	Incident struct {
		Reason    diagnose.Reason    `json:"reason"`
		Component diagnose.Component `json:"component"`
		// Object is what is broken: an address, a mount, a role, an account.
		Object  string    `json:"object"`
		Since   time.Time `json:"since"`
		Targets []string  `json:"targets"`
	}
	// Verdict is one run of one target.
	Verdict struct {
		Target    string             `json:"target"`
		Healthy   bool               `json:"healthy"`
		Reason    diagnose.Reason    `json:"reason"`
		Component diagnose.Component `json:"component"`
		Certainty diagnose.Certainty `json:"certainty"`
		Detail    string             `json:"detail"`
		Because   []string           `json:"because"`
		Advice
		Runbook  string    `json:"runbook"`
		Reviewer Reviewer  `json:"reviewer"`
		Started  time.Time `json:"started"`
		Duration float64   `json:"duration_seconds"`
		Warnings []Warning `json:"warnings"`
		Expiries []Expiry  `json:"expiries"`
		Steps    []Step    `json:"steps"`
		// Maintenance is absent if there is none.
		Maintenance *Maintenance `json:"maintenance,omitempty"`
	}
	// Maintenance is a planned one that goes on.
	Maintenance struct {
		Until   time.Time `json:"until"`
		Comment string    `json:"comment"`
	}
	// Reviewer is the verdict about the configured reviewer alone.
	Reviewer struct {
		Reason    diagnose.Reason    `json:"reason"`
		Component diagnose.Component `json:"component"`
		Detail    string             `json:"detail"`
	}
	// Warning is a raised warning.
	Warning struct {
		Warning diagnose.WarningCode `json:"warning"`
		Detail  string               `json:"detail"`
		Advice
	}
	// Expiry is a token or certificate that ends. Times that are not known are absent.
	Expiry struct {
		Item      diagnose.Item      `json:"item"`
		Name      string             `json:"name"`
		Begin     time.Time          `json:"begin,omitzero"`
		End       time.Time          `json:"end,omitzero"`
		WarnAt    time.Time          `json:"warn_at,omitzero"`
		Until     string             `json:"until"`
		Effect    diagnose.Effect    `json:"effect"`
		Then      string             `json:"then"`
		Component diagnose.Component `json:"component"`
		Source    string             `json:"source"`
	}
	// Advice is what to do: commands that only read, commands that change something,
	// sentences.
	Advice struct {
		Check []Check  `json:"check"`
		Fix   []string `json:"fix"`
		Notes []string `json:"notes"`
	}
	// Check is a command and what in its output confirms the diagnosis.
	Check struct {
		Command string `json:"command"`
		Shows   string `json:"shows"`
	}
	// Step is one step of the run, in causal order.
	Step struct {
		Step     string             `json:"step"`
		State    evidence.StepState `json:"state"`
		Detail   string             `json:"detail"`
		Duration float64            `json:"duration_seconds"`
	}
)

// WriteReport writes results as JSON.
func (l Links) WriteReport(w io.Writer, results []probe.Result) error {
	all := Report{Targets: []Verdict{}, Incidents: incidentsOf(results)}
	for _, r := range results {
		all.Targets = append(all.Targets, l.verdictOf(r))
	}
	return writeJSON(w, all)
}

func incidentsOf(results []probe.Result) []Incident {
	incidents := []Incident{}
	for _, i := range incident.Group(results) {
		incidents = append(incidents, Incident{i.Reason, i.Component, i.Object, i.Since.UTC(), i.Targets()})
	}
	return incidents
}

func writeJSON(w io.Writer, v any) error { return newEncoder(w, "").Encode(v) }

// newEncoder returns an encoder that indents all lines but the first by prefix.
func newEncoder(w io.Writer, prefix string) *json.Encoder {
	encoder := json.NewEncoder(w)
	encoder.SetIndent(prefix, "  ")
	encoder.SetEscapeHTML(false)
	return encoder
}

func (l Links) verdictOf(r probe.Result) Verdict {
	d := r.Diagnosis
	v := Verdict{
		Target: r.Target.Name, Healthy: r.Healthy(),
		Reason: d.Reason, Component: d.Component(), Certainty: d.Certainty, Detail: d.Detail,
		Because: listOf(d.Because), Advice: adviceOf(d.Advice), Runbook: l.Runbook(d.Reason, r.Target.Name),
		Reviewer: Reviewer{Reason: d.Reviewer.Reason, Component: d.Reviewer.Component(), Detail: d.Reviewer.Detail},
		Started:  r.Start.UTC(), Duration: r.Duration.Seconds(),
		Warnings: []Warning{}, Expiries: []Expiry{}, Steps: []Step{}, Maintenance: maintenanceOf(r.Maintenance),
	}
	for _, warning := range r.Raised() {
		v.Warnings = append(v.Warnings, Warning{Warning: warning.Code, Detail: warning.Detail, Advice: adviceOf(warning.Advice)})
	}
	for _, x := range r.Expiries {
		v.Expiries = append(v.Expiries, Expiry{x.What, x.Which, x.Begin.UTC(), x.End.UTC(), x.WarnAt.UTC(), x.Until, x.Effect, x.Then, x.Component, x.Source})
	}
	for _, s := range r.Steps() {
		v.Steps = append(v.Steps, Step{Step: s.Name, State: s.State, Detail: s.Detail, Duration: s.Elapsed.Seconds()})
	}
	return v
}

func maintenanceOf(m maintenance.Active) *Maintenance {
	if !m.Active() {
		return nil
	}
	return &Maintenance{m.Until.UTC(), m.Comment}
}

func adviceOf(a diagnose.Advice) Advice {
	checks := []Check{}
	for _, c := range a.Check {
		checks = append(checks, Check(c))
	}
	return Advice{checks, listOf(a.Fix), listOf(a.Notes)}
}

// listOf makes JSON show an empty list as [], not as null.
func listOf(lines []string) []string {
	if lines == nil {
		return []string{}
	}
	return lines
}

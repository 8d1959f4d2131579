package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"vault-k8s-auth-exporter/probe"
)

// width is where prose is wrapped. Commands never are: they must paste.
const width = 100

// writeText reports to a human: one row for each fact in causal order, one why,
// one fix. Only a terminal gets colours.
func writeText(w io.Writer, results []probe.Result) error {
	return writeInked(w, inkFor(w), results)
}

func writeInked(w io.Writer, i ink, results []probe.Result) error {
	out := bufio.NewWriter(w)
	for n, r := range results {
		if n > 0 {
			fmt.Fprintln(out)
		}
		writeTarget(out, i, r)
	}
	return out.Flush()
}

func writeTarget(out io.Writer, i ink, r probe.Result) {
	d := r.Diagnosis
	fmt.Fprintf(out, "%s: %s\n\n", i.paint(bold, r.Target.Name), headline(i, r))
	for _, s := range r.Steps() {
		took := ""
		if s.State != probe.StepSkipped {
			took = s.Took.Round(100 * time.Microsecond).String()
		}
		state := i.state(s.State, fmt.Sprintf("%-7s", s.State))
		writeRow(out, fmt.Sprintf("  %s  %-15s  %8s  ", state, s.Name, took), s.Detail)
	}
	fmt.Fprintln(out)
	writeRow(out, "  why  ", d.Detail)
	if d.Reviewer.Reason != "" && d.Reviewer.Reason != probe.None && d.Reviewer.Reason != d.Reason {
		writeRow(out, "       ", "The reviewer by itself: "+string(d.Reviewer.Reason)+": "+d.Reviewer.Detail)
	}
	writeFix(out, d.Fix)
	if runbook := d.Reason.Runbook(); runbook != "" {
		fmt.Fprintf(out, "  see  %s\n", runbook)
	}
	for _, warning := range r.Raised() {
		fmt.Fprintln(out)
		writeRow(out, "  "+i.paint(yellow, "warn")+" "+string(warning.Code)+": ", warning.Detail)
		if !slices.Equal(warning.Fix, d.Fix) {
			writeFix(out, warning.Fix)
		}
	}
}

func headline(i ink, r probe.Result) string {
	if r.Healthy() {
		return i.paint(green, "healthy") + ", pods can log in"
	}
	d := r.Diagnosis
	return fmt.Sprintf("%s, %s (%s, %s)", i.paint(red, "UNHEALTHY"), i.paint(bold, string(d.Reason)), d.Party(), strings.ReplaceAll(string(d.Certainty), "_", " "))
}

func writeFix(out io.Writer, lines []string) {
	label := "  fix  "
	for _, line := range lines {
		if strings.HasPrefix(line, "#") {
			writeWrapped(out, label, line, "# ")
		} else {
			fmt.Fprintf(out, "%s%s\n", label, line)
		}
		label = "       "
	}
}

func writeRow(out io.Writer, label, text string) { writeWrapped(out, label, text, "") }

// writeWrapped puts a text beside its label, its further lines below it.
func writeWrapped(out io.Writer, label, text, continuation string) {
	indent := strings.Repeat(" ", columns(label))
	line := label
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case columns(line)+1+columns(word) > width:
			fmt.Fprintln(out, strings.TrimRight(line, " "))
			line = indent + continuation + word
		default:
			line += " " + word
		}
	}
	fmt.Fprintln(out, strings.TrimRight(line, " "))
}

// The JSON of check. Its keys are public.
type (
	report struct {
		Targets []targetReport `json:"targets"`
	}
	targetReport struct {
		Target    string          `json:"target"`
		Healthy   bool            `json:"healthy"`
		Reason    probe.Reason    `json:"reason"`
		Party     probe.Party     `json:"party"`
		Certainty probe.Certainty `json:"certainty"`
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
		Reason probe.Reason `json:"reason"`
		Party  probe.Party  `json:"party"`
		Detail string       `json:"detail"`
	}
	warningReport struct {
		Warning probe.WarningCode `json:"warning"`
		Detail  string            `json:"detail"`
		Fix     []string          `json:"fix"`
	}
	stepReport struct {
		Step     string          `json:"step"`
		State    probe.StepState `json:"state"`
		Detail   string          `json:"detail"`
		Duration float64         `json:"duration_seconds"`
	}
)

// writeJSON reports to a program.
func writeJSON(w io.Writer, results []probe.Result) error {
	all := report{Targets: []targetReport{}}
	for _, r := range results {
		all.Targets = append(all.Targets, reportOf(r))
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(all)
}

func reportOf(r probe.Result) targetReport {
	d := r.Diagnosis
	t := targetReport{
		Target: r.Target.Name, Healthy: r.Healthy(),
		Reason: d.Reason, Party: d.Party(), Certainty: d.Certainty, Detail: d.Detail,
		Because: list(d.Because), Fix: list(d.Fix), Runbook: d.Reason.Runbook(),
		Reviewer: reviewerReport{Reason: d.Reviewer.Reason, Party: d.Reviewer.Party(), Detail: d.Reviewer.Detail},
		Started:  r.Start.UTC(), Duration: r.Duration.Seconds(),
		Warnings: []warningReport{}, Steps: []stepReport{},
	}
	for _, warning := range r.Raised() {
		t.Warnings = append(t.Warnings, warningReport{Warning: warning.Code, Detail: warning.Detail, Fix: list(warning.Fix)})
	}
	for _, s := range r.Steps() {
		t.Steps = append(t.Steps, stepReport{Step: s.Name, State: s.State, Detail: s.Detail, Duration: s.Took.Seconds()})
	}
	return t
}

// list is never null in JSON.
func list(lines []string) []string {
	if lines == nil {
		return []string{}
	}
	return lines
}

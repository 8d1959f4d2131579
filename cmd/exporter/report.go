package main

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// width is where prose is wrapped. Commands are not wrapped: they are pasted.
const width = 100

// writeTarget writes one run for people: a row for each step in causal order, the cause and
// its fix.
func writeTarget(out io.Writer, p palette, links status.Links, r probe.Result) {
	d := r.Diagnosis
	fmt.Fprintf(out, "%s: %s\n\n", p.color(bold, r.Target.Name), headline(p, r))
	for _, s := range r.Steps() {
		elapsed := ""
		if s.State != evidence.StepSkipped {
			elapsed = s.Elapsed.Round(100 * time.Microsecond).String()
		}
		state := p.state(s.State, fmt.Sprintf("%-7s", s.State))
		writeRow(out, fmt.Sprintf("  %s  %-17s  %8s  ", state, s.Name, elapsed), s.Detail)
	}
	fmt.Fprintln(out)
	writeRow(out, "  why    ", d.Detail)
	if d.Reviewer.Reason != "" && d.Reviewer.Reason != diagnose.None && d.Reviewer.Reason != d.Reason {
		writeRow(out, "         ", "the reviewer alone: "+string(d.Reviewer.Reason)+": "+d.Reviewer.Detail)
	}
	writeAdvice(out, d.Advice)
	if runbook := links.Runbook(d.Reason, r.Target.Name); runbook != "" {
		fmt.Fprintf(out, "  see    %s\n", runbook)
	}
	for _, warning := range r.Raised() {
		fmt.Fprintln(out)
		writeRow(out, "  "+p.color(yellow, "warn")+" "+string(warning.Code)+": ", warning.Detail)
		if !reflect.DeepEqual(warning.Advice, d.Advice) {
			writeAdvice(out, warning.Advice)
		}
	}
}

func headline(p palette, r probe.Result) string {
	d := r.Diagnosis
	verdict := fmt.Sprintf("%s (%s, %s)", p.color(bold, string(d.Reason)), d.Component(), strings.ReplaceAll(string(d.Certainty), "_", " "))
	switch r.LoginStatus() {
	case diagnose.LoginsWork:
		return p.color(green, "healthy") + ", pods can log in"
	case diagnose.LoginsUnknown:
		return p.color(yellow, "NOT KNOWN") + ", " + verdict + ": whether pods can log in is not known"
	}
	return p.color(red, "UNHEALTHY") + ", " + verdict
}

// writeAdvice writes notes, then the commands that only read, then those that change
// something.
func writeAdvice(out io.Writer, a diagnose.Advice) {
	for _, note := range a.Notes {
		writeRow(out, "  note   ", note)
	}
	writeCommands(out, "  check  ", a.CheckLines())
	writeCommands(out, "  fix    ", a.Fix)
}

func writeCommands(out io.Writer, label string, commands []string) {
	for _, command := range commands {
		fmt.Fprintf(out, "%s%s\n", label, command)
		label = "         "
	}
}

// writeRow writes a text beside its label, and wraps it at width.
func writeRow(out io.Writer, label, text string) {
	indent := strings.Repeat(" ", columns(label))
	line := label
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case columns(line)+1+columns(word) > width:
			fmt.Fprintln(out, strings.TrimRight(line, " "))
			line = indent + word
		default:
			line += " " + word
		}
	}
	fmt.Fprintln(out, strings.TrimRight(line, " "))
}

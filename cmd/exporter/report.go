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
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/maintenance"
)

// writeTarget writes one run for people: a row for each step in causal order, the cause and
// its fix.
func writeTarget(out io.Writer, l layout, links status.Links, r probe.Result) {
	d := r.Diagnosis
	writeLine(out, l, l.color(bold, r.Target.Name)+": "+headline(l, r))
	if m := r.Maintenance; m.Active() {
		writeRow(out, l, "  "+l.color(yellow, "in maintenance")+" ", maintenanceText(m))
	}
	fmt.Fprintln(out)
	for _, s := range r.Steps() {
		if s.State == evidence.StepSkipped && r.Target.Candidate != nil {
			continue // most steps are those of a login
		}
		elapsed := ""
		if s.State != evidence.StepSkipped {
			elapsed = s.Elapsed.Round(100 * time.Microsecond).String()
		}
		state := l.state(s.State, fmt.Sprintf("%-7s", s.State))
		writeRow(out, l, fmt.Sprintf("  %s  %-17s  %8s  ", state, s.Name, elapsed), s.Detail)
	}
	fmt.Fprintln(out)
	writeRow(out, l, "  why    ", d.Detail)
	if d.Reviewer.Reason != "" && d.Reviewer.Reason != diagnose.None && d.Reviewer.Reason != d.Reason && d.Reviewer.Detail != d.Detail {
		writeRow(out, l, "         ", "the reviewer alone: "+string(d.Reviewer.Reason)+": "+d.Reviewer.Detail)
	}
	if r.Target.Candidate != nil && r.Healthy() {
		writeCandidate(out, l, d.Advice)
	} else {
		writeAdvice(out, l, d.Advice)
	}
	if runbook := links.Runbook(d.Reason, r.Target.Name); runbook != "" {
		fmt.Fprintf(out, "  see    %s\n", runbook)
	}
	for _, warning := range r.Raised() {
		fmt.Fprintln(out)
		writeRow(out, l, "  "+l.color(yellow, "warn")+" "+string(warning.Code)+": ", warning.Detail)
		if !reflect.DeepEqual(warning.Advice, d.Advice) {
			writeAdvice(out, l, warning.Advice)
		}
	}
}

// writeInFull writes one run with what ends when.
func writeInFull(out io.Writer, l layout, links status.Links, r probe.Result) {
	writeTarget(out, l, links, r)
	if len(r.Expiries) > 0 {
		fmt.Fprintln(out)
	}
	label := "  ends   "
	for _, x := range r.Expiries {
		writeRow(out, l, label, describeExpiry(x, r.Start))
		label = "         "
	}
}

func describeExpiry(x diagnose.Expiry, now time.Time) string {
	end := "never"
	if !x.End.IsZero() {
		end = x.End.UTC().Format("2006-01-02 15:04 MST")
	}
	if state := x.State(now); state == diagnose.Expired || state == diagnose.ExpiresSoon {
		end = string(state) + ", " + end
	}
	if x.Until != "" {
		end += ", or when " + x.Until
	}
	return fmt.Sprintf("%s: %s %s; then: %s; owner: %s", end, x.What, x.Which, x.Then, x.Component.Owner())
}

// maintenanceText follows "in maintenance".
func maintenanceText(m maintenance.Active) string {
	text := "until " + m.Until.UTC().Format(time.RFC3339)
	if m.Comment != "" {
		text += ": " + m.Comment
	}
	return text
}

func headline(l layout, r probe.Result) string {
	d := r.Diagnosis
	verdict := fmt.Sprintf("%s (%s, %s)", l.color(bold, string(d.Reason)), d.Component(), strings.ReplaceAll(string(d.Certainty), "_", " "))
	if r.Target.Candidate != nil {
		return candidateHeadline(l, r.LoginStatus(), verdict)
	}
	switch r.LoginStatus() {
	case diagnose.LoginsWork:
		return l.color(green, "healthy") + ", pods can log in"
	case diagnose.LoginsUnknown:
		return l.color(yellow, "NOT KNOWN") + ", " + verdict + ": whether pods can log in is not known"
	}
	return l.color(red, "UNHEALTHY") + ", " + verdict
}

// writeAdvice writes notes, then the commands that only read, then those that change
// something.
func writeAdvice(out io.Writer, l layout, a diagnose.Advice) {
	writeNotes(out, l, a)
	writeCommands(out, "  check  ", a.CheckLines())
	writeCommands(out, "  fix    ", a.Fix)
}

// writeCandidate writes the commands that put a candidate into the mount's config.
func writeCandidate(out io.Writer, l layout, a diagnose.Advice) {
	writeNotes(out, l, a)
	writeCommands(out, "  write  ", a.Fix)
}

func writeNotes(out io.Writer, l layout, a diagnose.Advice) {
	for _, note := range a.Notes {
		writeRow(out, l, "  note   ", note)
	}
}

func writeCommands(out io.Writer, label string, commands []string) {
	for _, command := range commands {
		fmt.Fprintf(out, "%s%s\n", label, command)
		label = "         "
	}
}

// writeRow writes a text beside its label, and wraps it. Below a label that takes more than half
// of the width, the other lines begin further left. Commands are not rows: they are pasted.
func writeRow(out io.Writer, l layout, label, text string) {
	indent := columns(label)
	if indent > l.width()/2 {
		indent = hangingIndent
	}
	line, isEmpty := label, true
	for _, word := range strings.Fields(text) {
		space := 1
		if isEmpty {
			space = 0
		}
		if fits := columns(line)+space+columns(word) <= l.width(); fits || isEmpty && columns(line) <= indent {
			line += strings.Repeat(" ", space) + word
		} else {
			fmt.Fprintln(out, strings.TrimRight(line, " "))
			line = strings.Repeat(" ", indent) + word
		}
		isEmpty = false
	}
	fmt.Fprintln(out, strings.TrimRight(line, " "))
}

// hangingIndent is that of the text beside why, check and fix.
const hangingIndent = 9

// writeLine writes what is one line in a file, and wraps it on a terminal.
func writeLine(out io.Writer, l layout, line string) {
	if l.screen == 0 {
		fmt.Fprintln(out, line)
		return
	}
	first, rest, _ := strings.Cut(line, " ")
	writeRow(out, l, first+" ", rest)
}

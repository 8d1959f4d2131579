package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
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
		if s.State != evidence.StepSkipped {
			took = s.Elapsed.Round(100 * time.Microsecond).String()
		}
		state := i.state(s.State, fmt.Sprintf("%-7s", s.State))
		writeRow(out, fmt.Sprintf("  %s  %-15s  %8s  ", state, s.Name, took), s.Detail)
	}
	fmt.Fprintln(out)
	writeRow(out, "  why  ", d.Detail)
	if d.Reviewer.Reason != "" && d.Reviewer.Reason != diagnose.None && d.Reviewer.Reason != d.Reason {
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
	return fmt.Sprintf("%s, %s (%s, %s)", i.paint(red, "UNHEALTHY"), i.paint(bold, string(d.Reason)), d.Component(), strings.ReplaceAll(string(d.Certainty), "_", " "))
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

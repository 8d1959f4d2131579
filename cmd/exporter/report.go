package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"vault-k8s-auth-exporter/probe"
)

// width is where prose is wrapped. Commands never are: they must paste.
const width = 100

// writeText reports to a human: one row for each fact in causal order, one why,
// one fix.
func writeText(w io.Writer, results []probe.Result) error {
	out := bufio.NewWriter(w)
	for i, r := range results {
		if i > 0 {
			fmt.Fprintln(out)
		}
		writeTarget(out, r)
	}
	return out.Flush()
}

func writeTarget(out io.Writer, r probe.Result) {
	d := r.Diagnosis
	fmt.Fprintf(out, "%s: %s\n\n", r.Target.Name, headline(r))
	for _, s := range r.Steps() {
		took := ""
		if s.State != probe.StepSkipped {
			took = s.Took.Round(100 * time.Microsecond).String()
		}
		writeRow(out, fmt.Sprintf("  %-7s  %-14s  %8s  ", s.State, s.Name, took), s.Detail)
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
		writeRow(out, "  warn "+string(warning.Code)+": ", warning.Detail)
		if !slices.Equal(warning.Fix, d.Fix) {
			writeFix(out, warning.Fix)
		}
	}
}

func headline(r probe.Result) string {
	if r.Healthy() {
		return "healthy, pods can log in"
	}
	d := r.Diagnosis
	return fmt.Sprintf("UNHEALTHY, %s (%s, %s)", d.Reason, d.Party(), strings.ReplaceAll(string(d.Certainty), "_", " "))
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
	indent := strings.Repeat(" ", utf8.RuneCountInString(label))
	line := label
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			fmt.Fprintln(out, strings.TrimRight(line, " "))
			line = indent + continuation + word
		default:
			line += " " + word
		}
	}
	fmt.Fprintln(out, strings.TrimRight(line, " "))
}

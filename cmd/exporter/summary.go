package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
)

// verbosity is how much of the runs the report for people shows.
type verbosity int

const (
	// whatIsBroken shows one run of each incident in full, and each other target in a line.
	// A single target is always shown in full.
	whatIsBroken verbosity = iota
	// everything shows each run in full, and what ends when.
	everything
	// summaryOnly shows how many targets are healthy and how many incidents there are.
	summaryOnly
)

// maxListed is how many targets of an incident are named.
const maxListed = 12

// textReport returns the report for people. It is colored, and as wide as the
// terminal, if w is one.
func textReport(links status.Links, detail verbosity) func(io.Writer, []probe.Result) error {
	return func(w io.Writer, results []probe.Result) error {
		return writeColored(w, layoutFor(w), links, detail, results)
	}
}

// writeColored writes the summary first, where it is seen, and last, where a terminal ends.
func writeColored(w io.Writer, l layout, links status.Links, detail verbosity, results []probe.Result) error {
	out := bufio.NewWriter(w)
	switch {
	case detail == summaryOnly:
		writeLine(out, l, summaryOf(l, results))
	case len(results) == 1 && detail == everything:
		writeInFull(out, l, links, results[0])
	case len(results) == 1:
		writeTarget(out, l, links, results[0])
	default:
		writeLine(out, l, summaryOf(l, results))
		fmt.Fprintln(out)
		if detail == everything {
			for _, r := range results {
				writeInFull(out, l, links, r)
				fmt.Fprintln(out)
			}
		} else {
			writeIncidents(out, l, links, results)
		}
		writeLine(out, l, summaryOf(l, results))
	}
	return out.Flush()
}

// writeIncidents writes each incident with the run of its first target, then a line for each
// healthy target.
func writeIncidents(out io.Writer, l layout, links status.Links, results []probe.Result) {
	for _, i := range incident.Group(results) {
		if len(i.Results) > 1 {
			writeLine(out, l, fmt.Sprintf("%s at %s, %s:", l.color(bold, string(i.Reason)), i.Object, counted(len(i.Results), "target")))
			writeRow(out, l, "  ", firstOf(i.Targets(), maxListed))
			fmt.Fprintf(out, "of which the first:\n\n")
		}
		writeTarget(out, l, links, i.Results[0])
		fmt.Fprintln(out)
	}
	healthy := 0
	for _, r := range results {
		if r.Healthy() {
			healthy++
			writeLine(out, l, healthyLine(l, r))
		}
	}
	if healthy > 0 {
		fmt.Fprintln(out)
	}
}

func healthyLine(l layout, r probe.Result) string {
	line := l.color(bold, r.Target.Name) + ": " + headline(l, r)
	if raised := r.Raised(); len(raised) > 0 {
		var codes []string
		for _, w := range raised {
			codes = append(codes, string(w.Code))
		}
		line += "; " + l.color(yellow, "warn") + " " + strings.Join(codes, ", ")
	}
	if r.Maintenance.Active() {
		line += "; " + l.color(yellow, "in maintenance") + " " + maintenanceText(r.Maintenance)
	}
	return line
}

// summaryOf counts targets by what is known of them, and incidents.
func summaryOf(l layout, results []probe.Result) string {
	counts := map[diagnose.LoginStatus]int{}
	warned := 0
	for _, r := range results {
		counts[r.LoginStatus()]++
		if r.Healthy() && len(r.Raised()) > 0 {
			warned++
		}
	}
	parts := []string{l.color(green, fmt.Sprintf("%d healthy", counts[diagnose.LoginsWork]))}
	if warned > 0 {
		parts = append(parts, l.color(yellow, fmt.Sprintf("%d of them with warnings", warned)))
	}
	if n := counts[diagnose.LoginsFail]; n > 0 {
		parts = append(parts, l.color(red, fmt.Sprintf("%d unhealthy", n)))
	}
	if n := counts[diagnose.LoginsUnknown]; n > 0 {
		parts = append(parts, l.color(yellow, fmt.Sprintf("%d not known", n)))
	}
	if n := len(incident.Group(results)); n > 0 {
		parts = append(parts, counted(n, "incident"))
	}
	return strings.Join(parts, ", ")
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// firstOf lists at most limit names, and says how many more there are.
func firstOf(names []string, limit int) string {
	shown := names[:min(len(names), limit)]
	list := strings.Join(shown, ", ")
	if more := len(names) - len(shown); more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}

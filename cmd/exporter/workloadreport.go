package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

func (r *workloadReport) write(format string, w io.Writer) error {
	switch format {
	case "json":
		return r.writeJSON(w)
	case "csv":
		return r.writeCSV(w)
	case "junit":
		return r.writeJUnit(w)
	}
	return r.writeText(w, layoutFor(w))
}

// writeText writes a table of every login, then each broken one with its fix, then what is missing
// from the table.
func (r *workloadReport) writeText(w io.Writer, l layout) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%s\n\n", r.summary(l))
	if len(r.results) > 0 {
		r.writeTable(out)
	}
	for _, one := range r.results {
		if one.Verdict.State == diagnose.WorkloadBroken || one.Verdict.State == diagnose.WorkloadUnknown {
			fmt.Fprintln(out)
			writeWorkload(out, l, one)
		}
	}
	r.writeUnwatched(out)
	r.writeOmitted(out, l)
	if len(r.results) > 0 {
		fmt.Fprintf(out, "\n%s\n", r.summary(l))
	}
	return out.Flush()
}

func (r *workloadReport) writeTable(out io.Writer) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STATE\tROLE\tSERVICE ACCOUNT\tMOUNT\tTARGET\tPODS\tFROM\tREASON")
	for _, one := range r.results {
		fmt.Fprintln(table, strings.Join([]string{
			string(one.Verdict.State), printable(one.Role), printable(one.ServiceAccount.String()), mountOf(one.Login), cmp.Or(one.Target, "-"),
			strconv.Itoa(one.Pods()), firstOf(objects(one.Entry), 2), cmp.Or(string(one.Verdict.Reason), "-"),
		}, "\t"))
	}
	_ = table.Flush() // out is a bufio.Writer, which keeps the error
}

// writeWorkload writes a login that is not ready: why, how to check that, and the fix.
func writeWorkload(out io.Writer, l layout, r rehearse.Result) {
	state := l.color(yellow, string(r.Verdict.State))
	if r.Verdict.State == diagnose.WorkloadBroken {
		state = l.color(red, string(r.Verdict.State)) + ", " + l.color(bold, string(r.Verdict.Reason))
	}
	fmt.Fprintf(out, "%s as %s at %s: %s\n", l.color(bold, printable(r.Role)), printable(r.ServiceAccount.String()), r.Target, state)
	writeRow(out, l, "  from   ", firstOf(objects(r.Entry), maxListed))
	writeRow(out, l, "  why    ", r.Verdict.Detail)
	writeAdvice(out, l, r.Verdict.Advice)
	if runbook := status.WorkloadRunbook(r); runbook != "" {
		fmt.Fprintf(out, "  see    %s\n", runbook)
	}
}

// writeUnwatched writes each mount that no target watches, with the target that would.
func (r *workloadReport) writeUnwatched(out io.Writer) {
	for _, m := range rehearse.Unwatched(r.results) {
		fmt.Fprintf(out, "\nNo target watches %s, which has %s.\n", mountOf(m.Login), counted(m.Logins, "login"))
		if at := m.Elsewhere; at != (rehearse.Elsewhere{}) {
			fmt.Fprintf(out, "The target %s watches it at %s. If both are the same Vault, add to that target, or set EXPORTER_VAULT_ALIASES:\n  %s", at.Target, printable(at.Address), m.Aliases())
		}
		fmt.Fprintln(out, "One for the targets file; exporter setup prints the role of its canary:")
		for line := range strings.Lines(rehearse.Watch(m.Login)) {
			fmt.Fprint(out, "  ", line)
		}
	}
}

// writeOmitted writes what the table may lack: sources that were not read and objects without a
// login that can be rehearsed.
func (r *workloadReport) writeOmitted(out io.Writer, l layout) {
	var absent []string
	for _, s := range r.inventory.Sources {
		switch s.State {
		case workload.SourceRead:
		case workload.SourceNotInstalled:
			absent = append(absent, s.Name)
		case workload.SourcePartial:
			fmt.Fprintln(out)
			writeRow(out, l, "", fmt.Sprintf("%s could not be read in every namespace: %s", s.Name, s.Error))
		default:
			fmt.Fprintln(out)
			writeRow(out, l, "", fmt.Sprintf("%s could not be read (%s): %s", s.Name, s.State, s.Error))
		}
	}
	if len(absent) > 0 {
		fmt.Fprintln(out)
		writeRow(out, l, "", "Not installed: "+strings.Join(absent, ", "))
	}
	if len(r.inventory.Skipped) > 0 {
		fmt.Fprintf(out, "\n%s without a login that can be rehearsed:\n", counted(len(r.inventory.Skipped), "object"))
		for _, s := range r.inventory.Skipped {
			writeRow(out, l, "  ", printable(s.Object.String())+": "+s.Why)
		}
	}
}

func (r *workloadReport) summary(l layout) string {
	counts := map[diagnose.WorkloadState]int{}
	for _, one := range r.results {
		counts[one.Verdict.State]++
	}
	parts := []string{counted(len(r.results), "login")}
	for _, state := range diagnose.WorkloadStates {
		if n := counts[state]; n > 0 {
			color := map[diagnose.WorkloadState]string{diagnose.WorkloadBroken: red, diagnose.WorkloadReady: green}[state]
			parts = append(parts, l.color(cmp.Or(color, yellow), fmt.Sprintf("%d %s", n, strings.ReplaceAll(string(state), "_", " "))))
		}
	}
	return strings.Join(parts, ", ")
}

func mountOf(l workload.Login) string {
	text := "auth/" + printable(l.Mount)
	if l.Namespace != "" {
		text += " in " + printable(l.Namespace)
	}
	if l.Address != "" {
		text += " at " + printable(l.Address)
	}
	return text
}

func objects(e workload.Entry) []string {
	var names []string
	for _, o := range e.Objects {
		names = append(names, printable(o.OfLogin()))
	}
	return names
}

// printable replaces what a terminal would not print.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// listFaults marks the injected faults if a lab is running.
func listFaults(ctx context.Context, stdout io.Writer) error {
	states := lab.States()
	if running, err := lab.Connect(); err == nil {
		if states, err = running.Faults(ctx); err != nil {
			return err
		}
	}
	if len(states) > 0 && states[0].Simulated {
		fmt.Fprint(stdout, "The running servers are simulated, until the real ones are compiled.\n\n")
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tFAULT\tVERDICT\tWITH ALL EVIDENCE\tWHAT IS BROKEN")
	for _, s := range states {
		mark := ""
		if s.Injected {
			mark = "*"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", mark, s.Name, s.Bare, s.Full, s.Summary)
	}
	fmt.Fprintln(table, "\n* is injected. Inject a fault with `make fault NAME=…`, undo all with `make heal`.")
	return table.Flush()
}

func inject(ctx context.Context, name string, stdout io.Writer) error {
	running, err := lab.Connect()
	if err != nil {
		return err
	}
	if err := running.Inject(ctx, name); err != nil {
		return err
	}
	state, err := running.State(ctx, name)
	if err != nil {
		return err
	}
	simulated := ""
	if state.Simulated {
		simulated = " into the simulated servers"
	}
	fmt.Fprintf(stdout, "injected %s%s; undo it with `make heal`\n%s", name, simulated, checkCommand(state.Env))
	return nil
}

// checkCommand says how to run a check with a fault's own environment. It is empty for a fault without one.
func checkCommand(env []string) string {
	if len(env) == 0 {
		return ""
	}
	var variables strings.Builder
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		variables.WriteString(name + "=" + shellQuote(value) + " ")
	}
	return fmt.Sprintf("\nthis fault needs its own environment; to see it, run:\n\n  (. .lab/current/%s; %s.lab/bin/exporter check)\n", envFile, &variables)
}

func heal(ctx context.Context, stdout io.Writer) error {
	running, err := lab.Connect()
	if err != nil {
		return err
	}
	healed, err := running.Heal(ctx)
	if err != nil {
		return err
	}
	if len(healed) == 0 {
		fmt.Fprintln(stdout, "no fault is injected")
		return nil
	}
	fmt.Fprintln(stdout, "healed", strings.Join(healed, ", "))
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload/rehearse"
)

// workloadFlags are the flags of workloads.
type workloadFlags struct {
	output                      string
	at                          string
	namespaces, targets, states []string
	kubeconfig, context         string
}

func addWorkloadFlags(c *kingpin.CmdClause, f *workloadFlags) {
	c.Flag("output", "Format of the report: text, json, csv or junit (a test case for each login).").
		Default("text").EnumVar(&f.output, "text", "json", "csv", "junit")
	c.Flag("at", "Rehearse every login at this target, whatever its mount is: before a migration to it.").StringVar(&f.at)
	c.Flag("namespace", "Only logins of service accounts in this namespace; * and ? are wildcards. Repeatable.").Short('n').StringsVar(&f.namespaces)
	c.Flag("target", "Only logins at this target; * and ? are wildcards. Repeatable.").StringsVar(&f.targets)
	var states []string
	for _, s := range diagnose.WorkloadStates {
		states = append(states, string(s))
	}
	c.Flag("state", "Print only logins in this state: "+strings.Join(states, ", ")+". All are rehearsed. Repeatable.").EnumsVar(&f.states, states...)
	c.Flag("kubeconfig", "Read this cluster. Default: the pod's own cluster; outside a pod $KUBECONFIG, or else ~/.kube/config.").StringVar(&f.kubeconfig)
	c.Flag("context", "Context of the kubeconfig. Default: its current one.").StringVar(&f.context)
}

// workloadReport is what workloads found.
type workloadReport struct {
	inventory workload.Inventory
	results   []rehearse.Result
	// canaries has a run of each target of these logins.
	canaries map[string]probe.Result
	at       bool
}

// workloads discovers who logs in, rehearses each login once, and reports.
func workloads(ctx context.Context, f workloadFlags, settings config.Config, stdout, stderr io.Writer) int {
	reader, err := newInventoryReader(f, settings)
	if err != nil {
		return complain(stderr, err)
	}
	return workloadsOf(ctx, f, settings, reader.Read, stdout, stderr)
}

// workloadsOf is workloads with what reads the inventory.
func workloadsOf(ctx context.Context, f workloadFlags, settings config.Config, read func(context.Context) workload.Inventory, stdout, stderr io.Writer) int {
	at, err := targetAt(f.at, settings.Targets)
	if err != nil {
		return complain(stderr, err)
	}
	selected, err := selection{names: f.targets}.from(settings.Targets)
	if err != nil {
		return complain(stderr, err)
	}
	inventory := read(ctx)
	if err := unread(inventory.Sources); err != nil && ctx.Err() == nil {
		for _, line := range flatten(err) {
			fmt.Fprintln(stderr, "exporter: reading who logs in:", line)
		}
		return exitUnhealthy
	}
	entries := inNamespaces(inventory.Entries, f.namespaces)
	logins := rehearse.Assign(entries, settings.Targets)
	if at != nil {
		logins = rehearse.AssignAll(entries, *at)
	} else if len(f.targets) > 0 {
		logins = slices.DeleteFunc(logins, func(a rehearse.Assigned) bool {
			return a.Target == nil || !slices.ContainsFunc(selected, func(t evidence.Target) bool { return t.Name == a.Target.Name })
		})
	}
	report := workloadReport{inventory: inventory, at: at != nil}
	report.rehearse(ctx, logins, stderr)
	if ctx.Err() != nil {
		return interrupted(stderr)
	}
	code := report.exitCode()
	report.results = inStates(report.results, f.states)
	if err := report.write(f.output, stdout); err != nil {
		fmt.Fprintln(stderr, "exporter: writing the report:", err)
		return exitUnhealthy
	}
	return code
}

// rehearse probes each target of the logins, then rehearses them.
func (r *workloadReport) rehearse(ctx context.Context, logins []rehearse.Assigned, stderr io.Writer) {
	prober := probe.NewProber(version.Version, func(string, evidence.TokenEvent) {})
	var targets []evidence.Target
	for _, a := range logins {
		if a.Target != nil && !slices.ContainsFunc(targets, func(t evidence.Target) bool { return t.Name == a.Target.Name }) {
			targets = append(targets, *a.Target)
		}
	}
	shown := newProgress(stderr, len(targets))
	r.canaries = map[string]probe.Result{}
	for _, canary := range probeAll(ctx, prober, targets, shown) {
		r.canaries[canary.Target.Name] = canary
	}
	shown.end()
	shown = newProgress(stderr, len(logins))
	shown.of = "logins rehearsed"
	open := func(t evidence.Target) (rehearse.Session, error) { return prober.Rehearser(t) }
	r.results = rehearse.Once(ctx, logins, r.canaries, open, func() { shown.probed("", 0) })
	shown.end()
	awaitLateLogins(prober, stderr)
}

// exitCode is 1 if a login is broken or the canary of a target fails and, at a target that workloads
// are to move to, if any login is not ready.
func (r *workloadReport) exitCode() int {
	bad := func(one rehearse.Result) bool {
		return one.Verdict.State == diagnose.WorkloadBroken || r.at && one.Verdict.State != diagnose.WorkloadReady ||
			one.Target != "" && r.canaries[one.Target].LoginStatus() == diagnose.LoginsFail
	}
	if slices.ContainsFunc(r.results, bad) {
		return exitUnhealthy
	}
	return exitOK
}

// targetAt returns the target of this name, nil if the name is empty.
func targetAt(name string, targets []evidence.Target) (*evidence.Target, error) {
	if name == "" {
		return nil, nil
	}
	if i := slices.IndexFunc(targets, func(t evidence.Target) bool { return t.Name == name }); i >= 0 {
		return &targets[i], nil
	}
	return nil, fmt.Errorf("--at %q is not configured; the targets are: %s", name, firstOf(namesOf(targets), maxConfigured))
}

// unread returns an error if no source could be read: nobody knows then who logs in. It has one
// line for each cause.
func unread(sources []workload.Source) error {
	var causes []string
	names := map[string][]string{} // by cause
	for _, s := range sources {
		switch s.State {
		case workload.SourceRead, workload.SourcePartial:
			return nil
		case workload.SourceNotInstalled:
		default:
			if names[s.Error] == nil {
				causes = append(causes, s.Error)
			}
			names[s.Error] = append(names[s.Error], s.Name)
		}
	}
	var failures []error
	for _, cause := range causes {
		failures = append(failures, fmt.Errorf("%s: %s", firstOf(names[cause], maxUnread), cause))
	}
	return errors.Join(failures...)
}

// maxUnread is how many kinds a line names that could not be read.
const maxUnread = 2

func inNamespaces(entries []workload.Entry, patterns []string) []workload.Entry {
	if len(patterns) == 0 {
		return entries
	}
	var matchers []func(string) bool
	for _, p := range patterns {
		matchers = append(matchers, matcher(p))
	}
	return slices.DeleteFunc(slices.Clone(entries), func(e workload.Entry) bool {
		return !slices.ContainsFunc(matchers, func(matches func(string) bool) bool { return matches(e.ServiceAccount.Namespace) })
	})
}

func inStates(results []rehearse.Result, states []string) []rehearse.Result {
	if len(states) == 0 {
		return results
	}
	return slices.DeleteFunc(results, func(r rehearse.Result) bool { return !slices.Contains(states, string(r.Verdict.State)) })
}

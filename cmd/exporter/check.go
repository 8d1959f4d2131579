package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/config"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/maintenance"
)

// lateLoginNotice is how long check waits for late logins before it says so.
const lateLoginNotice = 200 * time.Millisecond

// checkFlags are the flags of check.
type checkFlags struct {
	output         string
	selection      selection
	candidate      candidateFlags
	verbose, quiet bool
}

func addCheckFlags(c *kingpin.CmdClause, f *checkFlags) {
	c.Flag("output", "Format of the report: text, json, junit (a test case for each target) or prometheus (gauges for the textfile collector).").
		Default("text").EnumVar(&f.output, "text", "json", "junit", "prometheus")
	c.Flag("target", "Probe only this target; * and ? are wildcards. Repeatable.").StringsVar(&f.selection.names)
	c.Flag("label", "Probe only targets with this label, as NAME=VALUE; * and ? are wildcards in VALUE. Repeatable.").StringsVar(&f.selection.labels)
	c.Flag("verbose", "In text, print every target in full, and what ends when.").Short('v').BoolVar(&f.verbose)
	c.Flag("quiet", "In text, print nothing but the summary.").Short('q').BoolVar(&f.quiet)
	addCandidateFlags(c, &f.candidate)
}

// report returns what writes the results.
func (f checkFlags) report(links status.Links, planned map[string]maintenance.Windows) func(io.Writer, []probe.Result) error {
	switch {
	case f.output == "json":
		return links.WriteReport
	case f.output == "junit":
		return junitReport(links)
	case f.output == "prometheus":
		return writeExposition(planned)
	case f.verbose:
		return textReport(links, everything)
	case f.quiet:
		return textReport(links, summaryOnly)
	}
	return textReport(links, whatIsBroken)
}

// check probes the selected targets once, all at the same time, and reports.
func check(ctx context.Context, f flags, settings config.Config, stdout, stderr io.Writer) int {
	signal.Ignore(syscall.SIGPIPE) // it would end the process before late logins are revoked
	if f.check.verbose && f.check.quiet {
		return complain(stderr, errors.New("--verbose and --quiet exclude each other"))
	}
	selected, err := f.check.selection.from(settings.Targets)
	if err == nil {
		selected, err = f.check.candidate.of(selected, f.check.output)
	}
	if err != nil {
		return complain(stderr, err)
	}
	prober := probe.NewProber(version.Version, func(string, evidence.TokenEvent) {})
	if err := giveInput(ctx, prober, selected, os.Stdin, stderr); ctx.Err() != nil {
		return interrupted(stderr)
	} else if err != nil {
		return complain(stderr, err)
	}
	shown := newProgress(stderr, len(selected))
	results := probeAll(ctx, prober, selected, shown)
	shown.end()
	for i, r := range results {
		results[i].Maintenance = settings.Maintenance[r.Target.Name].At(r.Start)
	}
	if ctx.Err() != nil {
		awaitLateLogins(prober, stderr)
		return interrupted(stderr)
	}
	err = f.check.report(linksOf(f.site, settings), settings.Maintenance)(stdout, results)
	awaitLateLogins(prober, stderr)
	if err != nil && !errors.Is(err, syscall.EPIPE) { // the reader of a pipe may have read enough
		fmt.Fprintln(stderr, "exporter: writing the report:", err)
		return exitUnhealthy
	}
	if slices.ContainsFunc(results, func(r probe.Result) bool { return !r.Healthy() }) {
		return exitUnhealthy
	}
	return exitOK
}

// awaitLateLogins waits for logins that have no response yet, to revoke their tokens.
func awaitLateLogins(prober *probe.Prober, stderr io.Writer) {
	notice := time.AfterFunc(lateLoginNotice, func() {
		fmt.Fprintln(stderr, "exporter: waiting up to 20 s for a late response to the login, to revoke its token")
	})
	defer notice.Stop()
	prober.Wait()
}

func probeAll(ctx context.Context, prober *probe.Prober, targets []evidence.Target, shown *progress) []probe.Result {
	results := make([]probe.Result, len(targets))
	var probing sync.WaitGroup
	for i, target := range targets {
		probing.Go(func() {
			start := time.Now()
			results[i] = probeWhole(ctx, prober, target)
			shown.probed(target.Name, time.Since(start))
		})
	}
	probing.Wait()
	return results
}

// probeWhole probes a target again if the run was incomplete: its follow-ups had to
// wait for those of other targets of the same Vault, or the process was starved.
func probeWhole(ctx context.Context, prober *probe.Prober, target evidence.Target) probe.Result {
	result, _ := prober.Probe(ctx, target, probe.Memory{})
	for range maxDiscarded {
		retry := result.Retry()
		if !retry.Again && !result.Overran() {
			break
		}
		select {
		case <-time.After(retry.After):
			result, _ = prober.Probe(ctx, target, probe.Memory{})
		case <-ctx.Done():
			return result
		}
	}
	return result
}

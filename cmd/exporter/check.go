package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/common/version"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// lateLoginNotice is how long check waits for late logins before it says so.
const lateLoginNotice = 200 * time.Millisecond

// check probes the selected targets once, all at the same time, and reports.
func check(ctx context.Context, f flags, targets []evidence.Target, stdout, stderr io.Writer) int {
	signal.Ignore(syscall.SIGPIPE) // it would end the process before late logins are revoked
	selected, err := selectTargets(targets, f.targets)
	if err != nil {
		fmt.Fprintln(stderr, "exporter:", err)
		return exitUsage
	}
	prober := probe.NewProber(version.Version, func(string, evidence.TokenEvent) {})
	results := probeAll(ctx, prober, selected)
	if ctx.Err() != nil {
		awaitLateLogins(prober, stderr)
		fmt.Fprintln(stderr, "exporter: interrupted")
		return exitUnhealthy
	}
	report := writeText
	if f.output == "json" {
		report = status.WriteReport
	}
	err = report(stdout, results)
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

// selectTargets returns the targets with these names, or all if there are no names.
func selectTargets(targets []evidence.Target, names []string) ([]evidence.Target, error) {
	if len(names) == 0 {
		return targets, nil
	}
	var configured []string
	for _, t := range targets {
		configured = append(configured, t.Name)
	}
	for _, name := range names {
		if !slices.Contains(configured, name) {
			return nil, fmt.Errorf("--target %q is not configured; the targets are: %s", name, strings.Join(configured, ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(targets), func(t evidence.Target) bool { return !slices.Contains(names, t.Name) }), nil
}

func probeAll(ctx context.Context, prober *probe.Prober, targets []evidence.Target) []probe.Result {
	results := make([]probe.Result, len(targets))
	var probing sync.WaitGroup
	for i, target := range targets {
		probing.Go(func() { results[i] = probeWhole(ctx, prober, target) })
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

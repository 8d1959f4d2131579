package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/version"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// patience is how long check waits for a late login before it says that it does.
const patience = 200 * time.Millisecond

// check probes every chosen target once, at the same time, and reports.
func check(ctx context.Context, f flags, targets []evidence.Target, stdout, stderr io.Writer) int {
	chosen, err := choose(targets, f.targets)
	if err != nil {
		fmt.Fprintln(stderr, "exporter:", err)
		return exitUsage
	}
	prober := probe.NewProber(version.Version, func(string, evidence.TokenEvent) {})
	results := probeAll(ctx, prober, chosen)
	if ctx.Err() != nil {
		settle(prober, stderr)
		fmt.Fprintln(stderr, "exporter: interrupted")
		return exitUnhealthy
	}
	write := writeText
	if f.output == "json" {
		write = status.WriteReport
	}
	if err := write(stdout, results); err != nil {
		fmt.Fprintln(stderr, "exporter: writing the report:", err)
		return exitUnhealthy
	}
	settle(prober, stderr)
	if slices.ContainsFunc(results, func(r probe.Result) bool { return !r.Healthy() }) {
		return exitUnhealthy
	}
	return exitOK
}

// settle waits for logins that are still unanswered, to revoke what they bring.
func settle(prober *probe.Prober, stderr io.Writer) {
	note := time.AfterFunc(patience, func() {
		fmt.Fprintln(stderr, "exporter: waiting up to 20 s for a late answer to the login, to revoke its token")
	})
	defer note.Stop()
	prober.Wait()
}

// choose returns the targets of these names, or all of them where none is named.
func choose(targets []evidence.Target, names []string) ([]evidence.Target, error) {
	if len(names) == 0 {
		return targets, nil
	}
	var known []string
	for _, t := range targets {
		known = append(known, t.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("--target %q is not configured; there is: %s", name, strings.Join(known, ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(targets), func(t evidence.Target) bool { return !slices.Contains(names, t.Name) }), nil
}

func probeAll(ctx context.Context, prober *probe.Prober, targets []evidence.Target) []probe.Result {
	results := make([]probe.Result, len(targets))
	var probing sync.WaitGroup
	for i, target := range targets {
		probing.Go(func() { results[i], _ = prober.Probe(ctx, target, probe.Memory{}) })
	}
	probing.Wait()
	return results
}

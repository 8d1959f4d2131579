package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/schedule"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// maxDiscarded is how many results in a row are discarded: an exporter that is always
// starved says what it sees.
const maxDiscarded = 2

// jobs returns the jobs that probe these targets on their intervals.
func (e *exporter) jobs(targets []evidence.Target) []schedule.Job {
	jobs := make([]schedule.Job, 0, len(targets))
	for _, target := range targets {
		jobs = append(jobs, e.job(target))
	}
	return jobs
}

// job returns the job that probes a target. Each run gets the memory of the last one.
func (e *exporter) job(target evidence.Target) schedule.Job {
	// Runs of one job never overlap.
	memory := new(e.keeper.memory(target))
	discarded := 0 // in a row
	// settle is apart from Run, whose stack frame is held while servers are waited for.
	settle := func(ctx context.Context, result *probe.Result, next *probe.Memory) schedule.Outcome {
		if ctx.Err() != nil {
			return schedule.Outcome{} // canceled: the result says nothing about the target
		}
		if result.Overran() && discarded < maxDiscarded {
			discarded++
			e.recorder.Discarded(target.Name)
			e.logger.Warn("Run discarded, since the exporter itself was frozen or starved", "target", target.Name, "late", result.Evidence.Lag)
			return schedule.Outcome{Incomplete: true}
		}
		discarded, memory = 0, next
		return e.publish(result)
	}
	return schedule.Job{
		Name:     target.Name,
		Group:    target.Vault.Addr,
		Spec:     target,
		Interval: target.Interval,
		Recheck:  target.Recheck,
		Longest:  target.LongestRun(),
		Run: func(ctx context.Context) schedule.Outcome {
			defer e.recorder.Begin()()
			next := new(*memory)
			return settle(ctx, e.prober.Run(ctx, &target, next), next)
		},
		Skipped: func() {
			e.recorder.Skipped(target.Name)
			e.logger.Warn("Run skipped, since the last one is still going", "target", target.Name)
		},
		Abandoned: func() {
			e.recorder.Abandoned(target.Name)
			e.logger.Error("Run abandoned, since it did not return in its longest time", "target", target.Name)
		},
	}
}

// publish gives a result to every view, and returns what the scheduler has to know of it.
func (e *exporter) publish(result *probe.Result) schedule.Outcome {
	result.Maintenance = e.maintenance(result.Target.Name, result.Start)
	if e.recorder.Record(result) {
		e.incidents.observe(*result)
		e.keeper.observe(*result)
		e.page.Publish(*result)
	}
	logVerdict(e.logger, e.site.links, *result)
	retry := result.Retry()
	return schedule.Outcome{
		Verdict: string(result.Diagnosis.Reason), Backoff: retry.Backoff, Incomplete: retry.Again, RetryAfter: retry.After,
	}
}

// logVerdict logs the verdict of a run for debugging. People are told of incidents: one line
// for all targets that fail for one cause.
func logVerdict(logger *slog.Logger, links status.Links, result probe.Result) {
	message := "Verdict unchanged"
	if result.Since.Equal(result.Start) {
		message = "Verdict changed"
	}
	d := result.Diagnosis
	logger.Debug(message, append([]any{
		"target", result.Target.Name, "logins", result.LoginStatus(), "reason", d.Reason, "component", d.Component(), "duration", result.Duration.Round(time.Millisecond),
	}, verdictAttributes(links, result)...)...)
}

// loggedLines are a JSON array in both formats of the log: in logfmt, slog would print them
// without telling where one ends.
type loggedLines []string

// MarshalText implements [encoding.TextMarshaler] for logfmt.
func (l loggedLines) MarshalText() ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode([]string(l))
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}

// MarshalJSON implements [json.Marshaler].
func (l loggedLines) MarshalJSON() ([]byte, error) { return l.MarshalText() }

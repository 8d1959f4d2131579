package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/schedule"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// jobs has every target probed on its interval.
func (e *exporter) jobs(targets []evidence.Target) []schedule.Job {
	jobs := make([]schedule.Job, 0, len(targets))
	for _, target := range targets {
		jobs = append(jobs, e.job(target))
	}
	return jobs
}

// job has a target probed, each run fed with what the last one leaves behind.
func (e *exporter) job(target evidence.Target) schedule.Job {
	var memory probe.Memory // runs of one job never overlap
	return schedule.Job{
		Name:     target.Name,
		Group:    target.Vault.Addr,
		Spec:     target,
		Interval: target.Interval,
		Recheck:  target.Recheck,
		Longest:  target.LongestRun(),
		Run: func(ctx context.Context) schedule.Outcome {
			defer e.recorder.Begin()()
			result, next := e.prober.Probe(ctx, target, memory)
			if ctx.Err() != nil {
				return schedule.Outcome{} // cut short, it says nothing of the target
			}
			memory = next
			e.recorder.Record(result)
			e.board.Publish(result)
			announce(e.logger, result)
			retry := result.Retry()
			return schedule.Outcome{
				Verdict: string(result.Diagnosis.Reason), Backoff: retry.Backoff, RetryAfter: retry.After,
			}
		},
		Skipped: func() {
			e.recorder.Skipped(target.Name)
			e.logger.Warn("Run skipped, the last one is still going", "target", target.Name)
		},
	}
}

// announce logs one line for each change of verdict; repeats are for debugging.
func announce(logger *slog.Logger, result probe.Result) {
	d := result.Diagnosis
	level, message := slog.LevelDebug, "Verdict unchanged"
	if result.Since.Equal(result.Start) {
		level, message = slog.LevelInfo, "Verdict changed"
		if !result.Healthy() {
			level = slog.LevelWarn
		}
	}
	attributes := []any{
		"target", result.Target.Name, "reason", d.Reason, "component", d.Component(), "certainty", d.Certainty, "detail", d.Detail,
		"duration", result.Duration.Round(time.Millisecond),
	}
	if len(d.Fix) > 0 {
		attributes = append(attributes, "fix", d.Fix)
	}
	logger.Log(context.Background(), level, message, attributes...)
}

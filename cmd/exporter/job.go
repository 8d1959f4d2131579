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
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
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
	var memory probe.Memory
	discarded := 0 // in a row
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
				return schedule.Outcome{} // canceled: the result says nothing about the target
			}
			if result.Overran() && discarded < maxDiscarded {
				discarded++
				e.recorder.Discarded(target.Name)
				e.logger.Warn("Run discarded, since the exporter itself was frozen or starved", "target", target.Name, "late", result.Evidence.Lag)
				return schedule.Outcome{Incomplete: true}
			}
			discarded, memory = 0, next
			e.recorder.Record(result)
			e.page.Publish(result)
			logVerdict(e.logger, e.site.links, result)
			retry := result.Retry()
			return schedule.Outcome{
				Verdict: string(result.Diagnosis.Reason), Backoff: retry.Backoff, Incomplete: retry.Again, RetryAfter: retry.After,
			}
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

// logVerdict logs a change of verdict, as a warning unless pods can log in. Unchanged
// verdicts are logged at level debug.
func logVerdict(logger *slog.Logger, links status.Links, result probe.Result) {
	d := result.Diagnosis
	level, message := slog.LevelDebug, "Verdict unchanged"
	if result.Since.Equal(result.Start) {
		level, message = slog.LevelInfo, "Verdict changed"
		if result.LoginStatus() != diagnose.LoginsWork {
			level = slog.LevelWarn
		}
	}
	attributes := []any{
		"target", result.Target.Name, "logins", result.LoginStatus(), "reason", d.Reason, "component", d.Component(), "certainty", d.Certainty, "detail", d.Detail,
		"duration", result.Duration.Round(time.Millisecond),
	}
	for _, advice := range []struct {
		key   string
		lines []string
	}{{"notes", d.Notes}, {"check", d.CheckLines()}, {"fix", d.Fix}} {
		if len(advice.lines) > 0 {
			attributes = append(attributes, advice.key, loggedLines(advice.lines))
		}
	}
	if runbook := links.Runbook(d.Reason, result.Target.Name); runbook != "" {
		attributes = append(attributes, "runbook", runbook)
	}
	logger.Log(context.Background(), level, message, attributes...)
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

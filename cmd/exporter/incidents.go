package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/events"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
)

// incidents follows the incidents of this process, and tells the log and the open pages what
// changes. Its methods are safe for concurrent use.
type incidents struct {
	logger *slog.Logger
	links  status.Links
	page   *status.Server
	events *events.Writer // nil unless Kubernetes Events are written

	telling sync.Mutex // held while a change is made and told, so that they are told in order
	mu      sync.Mutex // guards tracker; a slow log does not hold it
	tracker *incident.Tracker
}

func newIncidents(logger *slog.Logger, links status.Links) *incidents {
	return &incidents{logger: logger, links: links, tracker: incident.NewTracker()}
}

func (i *incidents) history() incident.History {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.tracker.History()
}

// memory returns what another process should know.
func (i *incidents) memory() incident.Memory {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.tracker.Memory()
}

// setTargets ends the incidents of removed targets.
func (i *incidents) setTargets(targets []evidence.Target) {
	i.change(nil, func(t *incident.Tracker) []incident.Change { return t.SetTargets(targets, time.Now()) })
}

// observe takes the result of a completed run.
func (i *incidents) observe(r probe.Result) {
	i.change(&r, func(t *incident.Tracker) []incident.Change { return t.Observe(r) })
}

// change makes a change, and tells it. The result, if any, is what brought it about.
func (i *incidents) change(r *probe.Result, do func(*incident.Tracker) []incident.Change) {
	i.telling.Lock()
	defer i.telling.Unlock()
	i.mu.Lock()
	changes := do(i.tracker)
	i.mu.Unlock()
	for _, c := range changes {
		if !c.Kind.Tells() {
			continue
		}
		logIncident(i.logger, i.links, c, r)
		i.page.PublishIncident(c)
		if i.events == nil {
			continue
		}
		if event, told := eventOf(i.links, c, r); told {
			i.events.Write(event)
		}
	}
}

// incidentMessages are the lines of the log about incidents.
var incidentMessages = map[incident.Kind]string{
	incident.Began: "Incident began", incident.Spread: "Incident spread", incident.Resumed: "Incident resumed",
	incident.Continued: "Incident continued", incident.Ended: "Incident ended",
}

// logIncident logs one line, whatever the number of targets. That of the beginning has the
// verdict and the advice for the first target.
func logIncident(logger *slog.Logger, links status.Links, c incident.Change, r *probe.Result) {
	level, of := slog.LevelWarn, c.Record
	attributes := []any{
		"id", of.ID, "logins", of.Reason.LoginStatus(), "reason", of.Reason, "component", of.Component, "object", of.Object,
	}
	switch c.Kind {
	case incident.Ended:
		level = slog.LevelInfo
		attributes = append(attributes, "ending", of.Ending)
		if of.Next != "" {
			attributes = append(attributes, "next", of.Next)
		}
		attributes = append(attributes, "duration", of.Duration().Round(time.Second), "targets", of.Affected)
	default:
		attributes = append(attributes, "targets", of.Failing)
	}
	attributes = append(attributes, "names", loggedLines(of.Names[:min(len(of.Names), maxListed)]))
	if c.Kind == incident.Continued {
		attributes = append(attributes, "begin", of.Begin.UTC().Format(time.RFC3339))
	}
	if c.Kind == incident.Began || c.Kind == incident.Resumed || c.Kind == incident.Continued {
		attributes = append(attributes, verdictAttributes(links, *r)...)
	}
	logger.Log(context.Background(), level, incidentMessages[c.Kind], attributes...)
}

// verdictAttributes are how a verdict was reached and what to do about it.
func verdictAttributes(links status.Links, r probe.Result) []any {
	d := r.Diagnosis
	attributes := []any{"certainty", d.Certainty, "detail", d.Detail}
	for _, advice := range []struct {
		key   string
		lines []string
	}{{"notes", d.Notes}, {"check", d.CheckLines()}, {"fix", d.Fix}} {
		if len(advice.lines) > 0 {
			attributes = append(attributes, advice.key, loggedLines(advice.lines))
		}
	}
	if runbook := links.Runbook(d.Reason, r.Target.Name); runbook != "" {
		attributes = append(attributes, "runbook", runbook)
	}
	return attributes
}

// announceFirstRound logs what the first run of each target found, as soon as all have run.
func (e *exporter) announceFirstRound(ctx context.Context) {
	select {
	case <-e.scheduler.FirstRound():
	case <-ctx.Done():
		return
	}
	states := e.recorder.TargetStates()
	healthy := 0
	for _, s := range states {
		if s.Latest != nil && s.Latest.Healthy() {
			healthy++
		}
	}
	e.logger.Info("First round of probes completed", "targets", len(states), "healthy", healthy, "incidents", len(e.incidents.history().Current))
}

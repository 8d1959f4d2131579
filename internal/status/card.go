package status

import (
	"net/url"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/maintenance"
)

// card is one target, or an incident with the verdict of its first target.
type card struct {
	Name, Link, Headline, Reason, Title, Certainty, Owner string
	State                                                 State
	Since, Last                                           *timestamp
	Gap                                                   *pastGap // in which no exporter ran, since Since
	Elapsed                                               string
	Detail                                                string
	Because                                               []string
	Advice                                                diagnose.Advice
	Reviewer                                              string
	Runbook                                               string
	Maintenance                                           *cardMaintenance // nil if there is none now
	Warnings                                              []cardWarning
	Steps                                                 []cardStep
	StepsSummary                                          string
	Open                                                  bool // the steps are unfolded: the page is about this target
	Alone                                                 bool // the only target there is
	Expiries                                              []expiry
	Timeline                                              []period
	History                                               string // the timeline in a sentence
	Latency                                               *latency
	Runs                                                  []cardRun
	Configuration                                         []setting
	Incident                                              *cardIncident // nil for one target
	Anchor                                                string        // its id in the page
	Search                                                string        // what the filter searches
	Labels                                                []string
	Workloads                                             *workloadHits // nil if none is known
	CanProbe                                              bool          // a reader may request a run
	ProbeOff                                              string        // why not, and what changes that
}

// Failing reports whether there is a reason why pods cannot log in, or why that is not known.
func (c card) Failing() bool { return c.Reason != "" && c.Reason != string(diagnose.None) }

type cardWarning struct {
	Code, Detail string
	Advice       diagnose.Advice
}

type cardMaintenance struct {
	Until   pastTime
	Comment string
}

func cardMaintenanceOf(m maintenance.Active) *cardMaintenance {
	if !m.Active() {
		return nil
	}
	return &cardMaintenance{pastTimeOf(m.Until), m.Comment}
}

type cardStep struct{ Name, State, Detail, Elapsed string }

// expiry is a row of the table of what ends. At is nil for what does not expire.
type expiry struct {
	What, Which, Until, Then, Owner, Source string
	At                                      *timestamp
	State                                   string // a class of the page
}

type cardRun struct {
	State           State
	Start           *timestamp
	Reason, Elapsed string
}

// rowOf returns what a row shows of a target.
func rowOf(t probe.TargetState, planned maintenance.Active, now time.Time) card {
	state := stateOf(t, now)
	c := card{
		Name: t.Target.Name, Anchor: "target-" + t.Target.Name, Search: searchText(t.Target), Labels: labelsOf(t.Target),
		Link: "/targets/" + url.PathEscape(t.Target.Name), State: state, Headline: headlines[state],
		Maintenance: cardMaintenanceOf(planned),
		Timeline:    timeline(t.History.Recent), History: summaryOf(t.History.Recent),
	}
	if t.Latest != nil {
		c.Last, c.Elapsed = timestampOf(t.Latest.Start), elapsed(t.Latest.Duration)
	}
	if t.Latest != nil && state != Stale {
		c.Reason = string(t.Latest.Diagnosis.Reason)
		for _, w := range t.Latest.Raised() {
			c.Warnings = append(c.Warnings, cardWarning{string(w.Code), w.Detail, w.Advice})
		}
	}
	return c
}

func cardOf(t probe.TargetState, planned maintenance.Active, now time.Time) card {
	c := rowOf(t, planned, now)
	c.Latency, c.Expiries, c.Configuration = latencyOf(t.History.Recent), expiriesOf(t, now), configurationOf(t)
	switch {
	case c.State == Stale:
		c.Detail = "the last run found that pods can log in, but it is older than three intervals; whether they still can is not known"
	case t.Latest != nil:
		c.addVerdict(*t.Latest)
	}
	return c
}

// addVerdict adds what the latest run found.
func (c *card) addVerdict(r probe.Result) {
	d := r.Diagnosis
	c.Since, c.Detail, c.Because, c.Advice = timestampOf(r.Since), d.Detail, d.Because, d.Advice
	if !r.Gap.IsZero() {
		c.Gap = new(pastGapOf(r.Gap))
	}
	c.Title, c.Certainty, c.Owner = capitalised(d.Reason.Title()), spaced(d.Certainty), d.Component().Owner()
	c.Runbook = d.Reason.Runbook()
	if d.Reviewer.Reason != "" && d.Reviewer.Reason != diagnose.None && d.Reviewer.Reason != d.Reason {
		c.Reviewer = d.Reviewer.Detail
	}
	made, failed := 0, 0
	for _, s := range r.Steps() {
		c.Steps = append(c.Steps, cardStep{s.Name, string(s.State), s.Detail, elapsed(s.Elapsed)})
		if s.State != evidence.StepSkipped {
			made++
		}
		if s.State == evidence.StepFailed {
			failed++
		}
	}
	c.StepsSummary = counted(made, "step") + ", none failed"
	if failed > 0 {
		c.StepsSummary = counted(made, "step") + ", " + counted(failed, "failure")
	}
}

func expiriesOf(t probe.TargetState, now time.Time) []expiry {
	if t.Latest == nil {
		return nil
	}
	var expiries []expiry
	for _, x := range t.Latest.Expiries {
		expiries = append(expiries, expiry{
			What: x.What.String(), Which: x.Which, Until: x.Until, Then: x.Then, Owner: x.Component.Owner(), Source: x.Source,
			At: timestampOf(x.End), State: expiryClasses[x.State(now)],
		})
	}
	return expiries
}

// expiryClasses are the classes of rows of what ends.
var expiryClasses = map[diagnose.ExpiryState]string{
	diagnose.ExpiryHarmless: "skipped", diagnose.Expired: "failed", diagnose.ExpiresSoon: "stale", diagnose.ExpiresLater: "ok",
}

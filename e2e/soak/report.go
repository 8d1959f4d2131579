package soak

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A report is what GET /api/v1/status says of the targets.
type report struct{ Targets []targetReport }

type targetReport struct {
	Target, State, Reason, Certainty string
	Started                          time.Time
	History                          []struct {
		Started  time.Time
		Reason   string
		Duration float64 `json:"duration_seconds"`
	}
}

// isJudged reports whether the target has a verdict.
func (t targetReport) isJudged() bool { return t.State != "waiting" && t.State != "stale" }

func readReport(text string) (r report, err error) {
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return r, fmt.Errorf("reading /api/v1/status: %w", err)
	}
	return r, nil
}

// runs returns the runs that the report has, oldest first for each target.
func (r report) runs() []run {
	var runs []run
	for _, t := range r.Targets {
		for _, h := range t.History {
			found := run{target: t.Target, started: h.Started, ended: h.Started.Add(time.Duration(h.Duration * float64(time.Second))), reason: h.Reason}
			if h.Started.Equal(t.Started) {
				found.certainty = t.Certainty
			}
			runs = append(runs, found)
		}
	}
	return runs
}

// An incidentReport is what GET /api/v1/incidents says.
type incidentReport struct{ Incidents, Past []incident }

type incident struct {
	ID, Reason string
	Targets    []string
	Begin, End time.Time
}

func readIncidents(text string) (r incidentReport, err error) {
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return r, fmt.Errorf("reading /api/v1/incidents: %w", err)
	}
	return r, nil
}

// judgeIncidents returns an error if the current incidents are not those of the targets that fail, if an incident began
// while nothing was wrong, or if it ended before it began. The report must be of the same moment.
func judgeIncidents(i incidentReport, r report, spans []span) error {
	var errs []error
	for _, t := range r.Targets {
		errs = append(errs, judgeMembership(i.Incidents, t))
	}
	for _, one := range slices.Concat(i.Incidents, i.Past) {
		if one.Begin.IsZero() { // the configuration of its targets has just changed
			continue
		}
		// It begins with the start of a run, in which the fault came.
		if !slices.ContainsFunc(spans, func(s span) bool { return s.mayHold(one.Begin, one.Begin.Add(longestRun)) }) {
			errs = append(errs, fmt.Errorf("the incident %s of %q began at %s, when nothing was wrong", one.Reason, one.Targets, clock(one.Begin)))
		}
		if !one.End.IsZero() && one.End.Before(one.Begin) {
			errs = append(errs, fmt.Errorf("the incident %s of %q began at %s and ended at %s", one.Reason, one.Targets, clock(one.Begin), clock(one.End)))
		}
	}
	return errors.Join(errs...)
}

// judgeMembership requires a target that fails to belong to one incident, of its reason, and every other to none.
func judgeMembership(incidents []incident, t targetReport) error {
	var of []string
	for _, i := range incidents {
		if slices.Contains(i.Targets, t.Target) {
			of = append(of, i.Reason)
		}
	}
	want := []string(nil)
	if t.isJudged() && t.Reason != "none" {
		want = []string{t.Reason}
	}
	if !slices.Equal(of, want) {
		return fmt.Errorf("the target %s is in the incidents %q, want %q", t.Target, of, want)
	}
	return nil
}

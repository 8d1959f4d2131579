package status

import (
	"net/http"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
)

// The JSON of incidents over time. Its keys are public: docs/api.md and
// docs/status.schema.json.
type (
	incidentsStatus struct {
		// Since is when probing began: that of this process, or of the first one of which it knows.
		// It is absent while this process has not probed.
		Since     *time.Time        `json:"since,omitempty"`
		Gaps      []gap             `json:"gaps,omitempty"`
		Incidents []currentIncident `json:"incidents"`
		Past      []pastIncident    `json:"past"`
	}
	// currentIncident has no life between a change of the configuration and the next run.
	currentIncident struct {
		Incident
		*incidentLife
	}
	// gap is a time in which no exporter ran.
	gap struct {
		From time.Time `json:"from"`
		To   time.Time `json:"to"`
	}
	incidentLife struct {
		ID          string    `json:"id"`
		Begin       time.Time `json:"begin"`
		BeginSeen   bool      `json:"begin_seen"`
		Affected    int       `json:"affected"`
		Recurrences int       `json:"recurrences"`
	}
	incidentEnd struct {
		End      time.Time       `json:"end"`
		Duration float64         `json:"duration_seconds"`
		Ending   incident.Ending `json:"ending"`
		Next     diagnose.Reason `json:"next,omitempty"`
	}
	pastIncident struct {
		Reason    diagnose.Reason    `json:"reason"`
		Component diagnose.Component `json:"component"`
		Object    string             `json:"object"`
		Targets   []string           `json:"targets"`
		incidentLife
		*incidentEnd // nil in an event, while the incident goes on
	}
	incidentEvent struct {
		Change  incident.Kind `json:"change"`
		Failing int           `json:"failing"`
		pastIncident
	}
)

func gapOf(g probe.Gap) gap { return gap{g.From.UTC(), g.To.UTC()} }

func lifeOf(r incident.Record) incidentLife {
	return incidentLife{r.ID, r.Begin.UTC(), r.BeginSeen, r.Affected, r.Recurrences}
}

func pastIncidentOf(r incident.Record) pastIncident {
	past := pastIncident{Reason: r.Reason, Component: r.Component, Object: r.Object, Targets: listOf(r.Names), incidentLife: lifeOf(r)}
	if !r.End.IsZero() {
		past.incidentEnd = &incidentEnd{r.End.UTC(), r.Duration().Seconds(), r.Ending, r.Next}
	}
	return past
}

func incidentEventOf(c incident.Change) incidentEvent {
	return incidentEvent{c.Kind, c.Record.Failing, pastIncidentOf(c.Record)}
}

// PublishIncident sends a change of an incident to all open streams. It never waits for them.
func (s *Server) PublishIncident(c incident.Change) {
	s.streams.publish(message{"incident", incidentEventOf(c)})
}

func (s *Server) serveIncidents(w http.ResponseWriter, _ *http.Request) {
	history := s.options.Incidents()
	type cause struct {
		reason diagnose.Reason
		object string
	}
	lives := map[cause]incidentLife{}
	for _, r := range history.Current {
		lives[cause{r.Reason, r.Object}] = lifeOf(r)
	}
	all := incidentsStatus{Incidents: []currentIncident{}, Past: []pastIncident{}}
	if since := history.Since.UTC(); !since.IsZero() {
		all.Since = &since
	}
	for _, g := range history.Gaps {
		all.Gaps = append(all.Gaps, gapOf(g))
	}
	for _, i := range incidentsOf(unhealthy(s.options.TargetStates())) {
		current := currentIncident{Incident: i}
		if life, ok := lives[cause{i.Reason, i.Object}]; ok {
			current.incidentLife = &life
		}
		all.Incidents = append(all.Incidents, current)
	}
	for _, r := range history.Past {
		all.Past = append(all.Past, pastIncidentOf(r))
	}
	prepareJSON(w)
	_ = writeJSON(w, all)
}

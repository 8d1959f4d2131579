package status

import (
	"net/http"
	"slices"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
)

// cardIncident is what the targets of an incident have in common, and each of them.
type cardIncident struct {
	Object  string
	Targets []card
}

// Who names the target, or says how many targets the incident has.
func (c card) Who() string {
	if c.Incident == nil {
		return c.Name
	}
	return counted(len(c.Incident.Targets), "target")
}

// incidentCards returns a card for each of the first incidents, and the other targets.
func incidentCards(targets []probe.TargetState, now time.Time) (cards []card, others []probe.TargetState) {
	byName := map[string]probe.TargetState{}
	for _, t := range targets {
		byName[t.Target.Name] = t
	}
	incidents := incident.Group(latest(targets))
	for _, i := range incidents[:min(len(incidents), maxCards)] {
		c := cardOf(byName[i.Results[0].Target.Name], now)
		if len(i.Results) > 1 {
			c.Since = timestampOf(i.Since, now)
			c.Incident, c.Anchor, c.Search = &cardIncident{Object: i.Object}, "incident-"+c.Name, ""
		}
		for _, r := range i.Results {
			if c.Incident != nil {
				one := cardOf(byName[r.Target.Name], now)
				c.Incident.Targets = append(c.Incident.Targets, one)
				c.Search += one.Search + "\n"
			}
			delete(byName, r.Target.Name)
		}
		cards = append(cards, c)
	}
	return cards, slices.DeleteFunc(targets, func(t probe.TargetState) bool { _, left := byName[t.Target.Name]; return !left })
}

// latest returns the last run of each target that has one.
func latest(targets []probe.TargetState) []probe.Result {
	var results []probe.Result
	for _, t := range targets {
		if t.Latest != nil {
			results = append(results, *t.Latest)
		}
	}
	return results
}

func (s *Server) serveIncidents(w http.ResponseWriter, _ *http.Request) {
	prepareJSON(w)
	_ = writeJSON(w, struct {
		Incidents []Incident `json:"incidents"`
	}{incidentsOf(latest(s.options.TargetStates()))})
}

package status

import (
	"fmt"
	"hash/fnv"
	"html/template"
	"slices"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
)

// cardIncident is what the targets of an incident have in common, and each of them.
type cardIncident struct {
	Object  string
	Count   int
	Rows    []template.HTML
	targets []string
}

// Who names the target, or says how many targets the incident has.
func (c card) Who() string {
	if c.Incident == nil {
		return c.Name
	}
	return counted(c.Incident.Count, "target")
}

// incidentAnchor is the same for as long as the incident lasts.
func incidentAnchor(i incident.Incident) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(i.Object))
	return fmt.Sprintf("incident-%s-%x", i.Reason, h.Sum32())
}

// RowsAnchor is the id of the list of the incident's targets.
func (c card) RowsAnchor() string { return c.Anchor + "-rows" }

// addIncidents adds the first incidents of these targets, and a card for each of those in which
// a target is found. It returns the targets that belong to none of them.
func (p *page) addIncidents(s *Server, targets []probe.TargetState, found func(evidence.Target) bool, now time.Time) (others []probe.TargetState) {
	byName := map[string]probe.TargetState{}
	for _, t := range targets {
		byName[t.Target.Name] = t
	}
	incidents := incident.Group(unhealthy(targets))
	p.More = max(0, len(incidents)-maxCards)
	for _, i := range incidents[:min(len(incidents), maxCards)] {
		c := s.incidentCard(i, byName, found, now)
		p.Incidents = append(p.Incidents, c)
		if slices.ContainsFunc(i.Results, func(r probe.Result) bool { return found(r.Target) }) {
			p.Cards = append(p.Cards, c)
		}
		for _, r := range i.Results {
			delete(byName, r.Target.Name)
		}
	}
	return slices.DeleteFunc(targets, func(t probe.TargetState) bool { _, left := byName[t.Target.Name]; return !left })
}

// incidentCard returns the card of an incident, with rows for the targets that are found. One of
// a single target is the card of that target.
func (s *Server) incidentCard(i incident.Incident, byName map[string]probe.TargetState, found func(evidence.Target) bool, now time.Time) card {
	c := s.card(byName[i.Results[0].Target.Name], now)
	if len(i.Results) == 1 {
		return c
	}
	c.Maintenance = nil // the rows say which targets are in one
	c.Since, c.Anchor, c.Search = timestampOf(i.Since), incidentAnchor(i), ""
	c.Incident = &cardIncident{Object: i.Object, Count: len(i.Results), targets: i.Targets()}
	for _, r := range i.Results {
		c.Search += searchText(r.Target) + "\n"
		if found(r.Target) {
			c.Incident.Rows = append(c.Incident.Rows, s.rows.of(byName[r.Target.Name], now))
		}
	}
	return c
}

// unhealthy returns the last runs that were not healthy. To copy the others too would take a
// large part of an update.
func unhealthy(targets []probe.TargetState) []probe.Result {
	var results []probe.Result
	for _, t := range targets {
		if t.Latest != nil && !t.Latest.Healthy() {
			results = append(results, *t.Latest)
		}
	}
	return results
}

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
)

// What happens to an incident is an Event, whatever the number of its targets; its repetitions have
// one key, and its end has another.
func TestEventsOfIncidents(t *testing.T) {
	tracker := incident.NewTracker()
	r := fleet()[0]
	r.Diagnosis.Verdict = diagnose.Verdict{Reason: diagnose.VaultSealed, Certainty: diagnose.Proven, Detail: "Vault is sealed"}
	tracker.SetTargets([]evidence.Target{r.Target}, r.Start)
	began := tracker.Observe(r)[0]
	event, told := eventOf(status.Links{URL: "https://vka"}, began, &r)
	if !told || !event.Warning || event.Reason != "VaultSealed" || event.Key != began.Record.ID {
		t.Errorf("the Event is %+v, %t", event, told)
	}
	for _, part := range []string{"Pods cannot log in to Vault: ", "(vault_sealed, owner: Vault) at " + began.Record.Object, "1 target: " + r.Target.Name, "Vault is sealed", "https://vka/runbooks/vault_sealed"} {
		if !strings.Contains(event.Note, part) {
			t.Errorf("the note lacks %q: %s", part, event.Note)
		}
	}
	resumed := began
	resumed.Kind = incident.Resumed
	if again, told := eventOf(status.Links{}, resumed, &r); !told || again.Key != event.Key {
		t.Errorf("a repetition is %+v, %t", again, told)
	}
	r.Start = r.Start.Add(90 * time.Second)
	r.Diagnosis.Verdict = diagnose.Verdict{Reason: diagnose.None}
	ended := tracker.Observe(r)[0]
	event, told = eventOf(status.Links{}, ended, &r)
	if !told || event.Warning || event.Reason != "IncidentEnded" || event.Key == began.Record.ID || !strings.HasPrefix(event.Note, "Ended after 1m30s, recovered: ") {
		t.Errorf("the end is %+v, %t", event, told)
	}
	for _, kind := range []incident.Kind{incident.Continued} {
		if event, told := eventOf(status.Links{}, incident.Change{Kind: kind, Record: began.Record}, &r); told {
			t.Errorf("%s is %+v", kind, event)
		}
	}
}

package status

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// The JSON of the API. Its keys are public: docs/api.md and docs/status.schema.json.
type (
	// targetStatus has no verdict before the first run, nor when the latest run was
	// healthy and is stale.
	targetStatus struct {
		Target string `json:"target"`
		State  State  `json:"state"`
		// Maintenance is that of now, also where there is no verdict.
		Maintenance *Maintenance `json:"maintenance,omitempty"`
		*Verdict
		Since   *time.Time  `json:"since,omitempty"`
		Gap     *gap        `json:"gap,omitempty"`
		History []runStatus `json:"history"`
	}
	runStatus struct {
		Started   time.Time          `json:"started"`
		Healthy   bool               `json:"healthy"`
		Reason    diagnose.Reason    `json:"reason"`
		Component diagnose.Component `json:"component"`
		Duration  float64            `json:"duration_seconds"`
		// Maintenance is whether the run was in one.
		Maintenance bool `json:"maintenance,omitempty"`
	}
	event struct {
		Target string `json:"target"`
		runStatus
	}
)

func (s *Server) targetStatusOf(t probe.TargetState, now time.Time) targetStatus {
	status := targetStatus{
		Target: t.Target.Name, State: stateOf(t, now), History: []runStatus{}, Maintenance: maintenanceOf(s.options.Maintenance(t.Target.Name, now)),
	}
	for _, runs := range [][]probe.Run{t.History.Failures, t.History.Recent} {
		for _, r := range runs {
			status.History = append(status.History, runStatusOf(r))
		}
	}
	if status.State == Waiting || status.State == Stale {
		return status
	}
	verdict, since := s.options.Links.verdictOf(*t.Latest), t.Latest.Since.UTC()
	status.Verdict, status.Since = &verdict, &since
	if g := t.Latest.Gap; !g.IsZero() {
		status.Gap = new(gapOf(g))
	}
	return status
}

func runStatusOf(r probe.Run) runStatus {
	return runStatus{r.Start.UTC(), r.Healthy(), r.Reason, r.Reason.Component(), r.Duration.Seconds(), r.Maintenance}
}

func eventOf(r probe.Result) event { return event{r.Target.Name, runStatusOf(r.Run())} }

// serveStatus encodes one target after the other: with a full history, each takes 30 kB.
func (s *Server) serveStatus(w http.ResponseWriter, _ *http.Request) {
	now := time.Now()
	prepareJSON(w)
	standby, err := json.Marshal(s.options.Standby())
	if err != nil {
		panic(http.ErrAbortHandler) // cannot happen: it is a string
	}
	fmt.Fprintf(w, "{\n  \"standby\": %s,\n  \"targets\": [", standby)
	separator, end := "\n    ", "]\n}\n"
	var text bytes.Buffer
	encoder := newEncoder(&text, "    ")
	for _, t := range s.targets(now) {
		text.Reset()
		if encoder.Encode(s.targetStatusOf(t, now)) != nil {
			panic(http.ErrAbortHandler) // cannot happen: all of its types can be encoded
		}
		_, _ = io.WriteString(w, separator)
		_, _ = w.Write(bytes.TrimSuffix(text.Bytes(), []byte("\n")))
		separator, end = ",\n    ", "\n  ]\n}\n"
	}
	_, _ = io.WriteString(w, end)
}

func (s *Server) serveTargetStatus(w http.ResponseWriter, r *http.Request) {
	t, ok := s.find(r.PathValue("target"))
	if !ok {
		http.Error(w, errNoTarget.Error(), http.StatusNotFound)
		return
	}
	s.serveTargetJSON(w, t)
}

func (s *Server) serveTargetJSON(w http.ResponseWriter, t probe.TargetState) {
	var body bytes.Buffer
	if err := writeJSON(&body, s.targetStatusOf(t, time.Now())); err != nil {
		http.Error(w, "encoding the status", http.StatusInternalServerError)
		return
	}
	prepareJSON(w)
	_, _ = w.Write(body.Bytes())
}

func prepareJSON(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
}

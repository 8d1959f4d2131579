package status

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// The JSON of the API. Its keys are public: docs/api.md and docs/status.schema.json.
type (
	overview struct {
		Standby string         `json:"standby"`
		Targets []targetStatus `json:"targets"`
	}
	// targetStatus has no verdict before the first run, nor when the latest run was
	// healthy and is stale.
	targetStatus struct {
		Target string `json:"target"`
		State  State  `json:"state"`
		*Verdict
		Since   *time.Time  `json:"since,omitempty"`
		History []runStatus `json:"history"`
	}
	runStatus struct {
		Started   time.Time          `json:"started"`
		Healthy   bool               `json:"healthy"`
		Reason    diagnose.Reason    `json:"reason"`
		Component diagnose.Component `json:"component"`
		Duration  float64            `json:"duration_seconds"`
	}
	event struct {
		Target string `json:"target"`
		runStatus
	}
)

func targetStatusOf(t probe.TargetState, now time.Time) targetStatus {
	status := targetStatus{Target: t.Target.Name, State: stateOf(t, now), History: []runStatus{}}
	for _, runs := range [][]probe.Run{t.History.Failures, t.History.Recent} {
		for _, r := range runs {
			status.History = append(status.History, runStatusOf(r))
		}
	}
	if status.State == Waiting || status.State == Stale {
		return status
	}
	verdict, since := verdictOf(*t.Latest), t.Latest.Since.UTC()
	status.Verdict, status.Since = &verdict, &since
	return status
}

func runStatusOf(r probe.Run) runStatus {
	return runStatus{r.Start.UTC(), r.Healthy(), r.Reason, r.Reason.Component(), r.Duration.Seconds()}
}

func eventOf(r probe.Result) event { return event{r.Target.Name, runStatusOf(r.Run())} }

func (s *Server) serveStatus(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	all := overview{Standby: s.options.Standby(), Targets: []targetStatus{}}
	for _, t := range s.targets(now) {
		all.Targets = append(all.Targets, targetStatusOf(t, now))
	}
	serveJSON(w, r, all)
}

func (s *Server) serveTargetStatus(w http.ResponseWriter, r *http.Request) {
	t, ok := s.find(r.PathValue("target"))
	if !ok {
		http.Error(w, errNoTarget.Error(), http.StatusNotFound)
		return
	}
	serveJSON(w, r, targetStatusOf(t, time.Now()))
}

func serveJSON(w http.ResponseWriter, r *http.Request, v any) {
	var body bytes.Buffer
	if err := writeJSON(&body, v); err != nil {
		http.Error(w, "encoding the status", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	serveWithETag(w, r, body.Bytes())
}

// serveWithETag responds with 304 if the client has this body already.
func serveWithETag(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(body))[:18]+`"`)
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

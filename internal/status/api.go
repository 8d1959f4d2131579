package status

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// The JSON of the API. Its keys are public: docs/api.md and docs/status.schema.json.
type (
	status struct {
		Standby string         `json:"standby"`
		Targets []targetStatus `json:"targets"`
	}
	// targetStatus lacks the verdict where none is told: before the first run, and
	// where good news is stale.
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

func targetStatusOf(k probe.TargetState, now time.Time) targetStatus {
	s := targetStatus{Target: k.Target.Name, State: stateOf(k, now), History: []runStatus{}}
	for _, runs := range [][]probe.Run{k.History.Failures, k.History.Recent} {
		for _, r := range runs {
			s.History = append(s.History, runStatusOf(r))
		}
	}
	if s.State == Waiting || s.State == Stale {
		return s
	}
	verdict, since := verdictOf(*k.Latest), k.Latest.Since.UTC()
	s.Verdict, s.Since = &verdict, &since
	return s
}

func runStatusOf(r probe.Run) runStatus {
	return runStatus{r.Start.UTC(), r.Healthy(), r.Reason, r.Reason.Component(), r.Duration.Seconds()}
}

func eventOf(r probe.Result) event { return event{r.Target.Name, runStatusOf(r.Run())} }

func (b *Board) serveStatus(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	all := status{Standby: b.options.Standby(), Targets: []targetStatus{}}
	for _, k := range b.known(now) {
		all.Targets = append(all.Targets, targetStatusOf(k, now))
	}
	b.answer(w, r, all)
}

func (b *Board) serveTargetStatus(w http.ResponseWriter, r *http.Request) {
	k, ok := b.find(r.PathValue("target"))
	if !ok {
		http.Error(w, "no such target", http.StatusNotFound)
		return
	}
	b.answer(w, r, targetStatusOf(k, time.Now()))
}

func (b *Board) answer(w http.ResponseWriter, r *http.Request, v any) {
	var body bytes.Buffer
	if err := writeJSON(&body, v); err != nil {
		http.Error(w, "encoding the status", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	serveTagged(w, r, body.Bytes())
}

// serveTagged answers 304 where the client has this very body.
func serveTagged(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(body))[:18]+`"`)
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// serveProbe has a target probed now, and answers with what came of it. A run that
// is going already is the one that was asked for.
func (b *Board) serveProbe(w http.ResponseWriter, r *http.Request) {
	k, ok := b.find(r.PathValue("target"))
	if !ok {
		http.Error(w, "no such target", http.StatusNotFound)
		return
	}
	if wait := b.asked.wait(k.Target.Name, time.Now()); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
		http.Error(w, "asked for too often", http.StatusTooManyRequests)
		return
	}
	s, ok := b.streams.join()
	if !ok {
		http.Error(w, "too many clients wait for runs", http.StatusServiceUnavailable)
		return
	}
	defer b.streams.leave(s)
	if !b.options.RunNow(k.Target.Name) {
		http.Error(w, "this process does not probe the target", http.StatusConflict)
		return
	}
	// A run that is going may take its time, and so may the one after it.
	timeout := time.NewTimer(2 * (k.Target.LongestRun()))
	defer timeout.Stop()
	for {
		select {
		case e, open := <-s.events:
			if open && e.Target != k.Target.Name {
				continue
			}
			b.serveTargetStatus(w, r)
			return
		case <-timeout.C:
			http.Error(w, "no run completed in time", http.StatusGatewayTimeout)
			return
		case <-r.Context().Done():
			return
		}
	}
}

const (
	askedPerTarget = 10 * time.Second
	askedAtAll     = time.Second
)

// pace bounds how often runs are asked for: each target and all of them.
type pace struct {
	mu   sync.Mutex // guards what follows
	any  time.Time
	last map[string]time.Time // by target that is configured
}

// wait returns how long to wait before asking, 0 for now, which it then counts.
func (p *pace) wait(target string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait := max(p.last[target].Add(askedPerTarget).Sub(now), p.any.Add(askedAtAll).Sub(now))
	if wait > 0 {
		return wait
	}
	p.any, p.last[target] = now, now
	return 0
}

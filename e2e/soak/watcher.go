package soak

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A watcher reads one exporter's metrics and API twice a second, and judges them.
type watcher struct {
	exporter *exporter
	timeline *timeline

	mu      sync.Mutex // guards the fields below
	runs    map[string][]run
	latest  exposition
	first   usage // of the process that runs now, when all was well first
	scrapes int
	ended   float64 // tokens that earlier processes could not revoke
	failure error   // the first
}

// added is the target that the schedule adds to the targets file and removes from it.
const addedTarget = "added"

func newWatcher(e *exporter, t *timeline) *watcher {
	return &watcher{exporter: e, timeline: t, runs: map[string][]run{}}
}

// watch returns when the context ends.
func (w *watcher) watch(ctx context.Context) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		w.look()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look reads everything once. A process that was ended or frozen meanwhile may not have responded.
func (w *watcher) look() {
	metrics, err := w.exporter.get("/metrics")
	at := time.Now()
	if err == nil {
		err = w.judgeScrape(at, metrics)
	}
	if w.failed(err) {
		return
	}
	_ = w.failed(w.readAPI())
}

// failed records an error, unless the process does not run or has only just begun to.
func (w *watcher) failed(err error) bool {
	if err == nil || errors.Is(err, errNoResponse) && w.exporter.hasRun() < 5*time.Second {
		return err != nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failure == nil {
		w.failure = fmt.Errorf("the exporter %s: %w", w.exporter.name, err)
	}
	return true
}

func (w *watcher) judgeScrape(at time.Time, text string) error {
	e, err := readExposition(at, text)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.latest
	w.latest, w.scrapes = e, w.scrapes+1
	if before.families != nil && before.processStart() != e.processStart() {
		w.ended += tokensLeft(before)
		w.first = usage{}
	}
	err = judgeMonotone(before, e, fmt.Sprintf("target=%q", addedTarget))
	if limit := interval + longestRun + slack; w.exporter.hasRun() > limit {
		err = errors.Join(err, judgeUp(e, w.timeline.copied(), limit))
	}
	return err
}

// tokensLeft is how many tokens of Vault the process says that it could not revoke.
func tokensLeft(e exposition) float64 {
	return e.sum("vault_k8s_auth_token_revoke_failures_total") + e.sum("vault_k8s_auth_tokens_unaccounted_total")
}

// readAPI judges the runs that are new, and the incidents if no run ended between the requests.
func (w *watcher) readAPI() error {
	before, err := w.report()
	if err != nil {
		return err
	}
	text, err := w.exporter.get("/api/v1/incidents")
	if err != nil {
		return err
	}
	incidents, err := readIncidents(text)
	if err != nil {
		return err
	}
	after, err := w.report()
	if err != nil {
		return err
	}
	spans := w.timeline.copied()
	err = w.addRuns(after.runs(), spans)
	if fmt.Sprint(before) == fmt.Sprint(after) {
		err = errors.Join(err, judgeIncidents(incidents, after, spans))
	}
	return err
}

func (w *watcher) report() (report, error) {
	text, err := w.exporter.get("/api/v1/status")
	if err != nil {
		return report{}, err
	}
	return readReport(text)
}

func (w *watcher) addRuns(found []run, spans []span) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	for _, r := range found {
		known := w.runs[r.target]
		if len(known) > 0 && !r.started.After(known[len(known)-1].started) {
			continue
		}
		w.runs[r.target] = append(known, r)
		errs = append(errs, judgeRun(r, spans))
	}
	return errors.Join(errs...)
}

// since returns the runs of a target that began after a time.
func (w *watcher) since(target string, at time.Time) []run {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.runs[target]
	for i, r := range all {
		if r.started.After(at) {
			return all[i:]
		}
	}
	return nil
}

// err returns the first failure.
func (w *watcher) err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failure
}

// judgeQuiet judges what the process takes, at a moment when all is well and no run is in progress.
func (w *watcher) judgeQuiet() (usage, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := usageOf(w.latest)
	if w.latest.sum("vault_k8s_auth_exporter_probes_in_flight") > 0 {
		return now, errors.New("a run is always in progress")
	}
	if w.first == (usage{}) {
		w.first = now
	}
	return now, judgeGrowth(w.first, now)
}

package status

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// Options say what a Board shows.
type Options struct {
	// TargetStates returns what is known of every target.
	TargetStates func() []probe.TargetState
	// Standby returns who holds the lease while this process does not probe, and is
	// empty while it does. Nil means that it always does.
	Standby func() string
	// RunNow has a target probed at once, and reports whether it is probed here. Nil
	// means that nobody may ask for that.
	RunNow func(target string) bool
	// Runbook is docs/reasons.md, to which verdicts link.
	Runbook string
	// Version is that of the exporter.
	Version string
}

// Board is the page, its API and its events. It is safe for concurrent use.
type Board struct {
	options Options
	streams streams
	asked   pace
	routes  http.Handler
}

// New returns a Board.
func New(o Options) *Board {
	if o.Standby == nil {
		o.Standby = func() string { return "" }
	}
	b := &Board{options: o, streams: streams{open: map[*stream]bool{}}, asked: pace{last: map[string]time.Time{}}}
	b.routes = b.handler()
	return b
}

// ServeHTTP serves the page and the API.
func (b *Board) ServeHTTP(w http.ResponseWriter, r *http.Request) { b.routes.ServeHTTP(w, r) }

// Publish tells all open streams of a completed run. It never waits for them.
func (b *Board) Publish(r probe.Result) { b.streams.publish(eventOf(r)) }

// Close ends all streams: without it a server that shuts down would wait for them.
func (b *Board) Close() { b.streams.close() }

// State says how a target stands now.
type State string

// The states, the most urgent first.
const (
	// Unhealthy: pods cannot log in.
	Unhealthy State = "unhealthy"
	// Unclear: the exporter or its canary is at fault, which says nothing of pods.
	Unclear State = "unclear"
	// Stale: the last news was good and is too old to be told.
	Stale State = "stale"
	// Waiting: no run has completed yet.
	Waiting State = "waiting"
	// Healthy: pods can log in.
	Healthy State = "healthy"
)

var states = []State{Unhealthy, Unclear, Stale, Waiting, Healthy}

func stateOf(k probe.TargetState, now time.Time) State {
	switch {
	case k.Latest == nil:
		return Waiting
	case k.Latest.Healthy() && k.Stale(now):
		return Stale
	}
	return verdictState(k.Latest.Diagnosis.Reason)
}

// verdictState is what a verdict says while it is news.
func verdictState(reason diagnose.Reason) State {
	switch reason.Component() {
	case diagnose.ComponentNone:
		return Healthy
	case diagnose.ComponentCanary, diagnose.ComponentExporter:
		return Unclear
	}
	return Unhealthy
}

// known returns every target, broken ones first, then by name.
func (b *Board) known(now time.Time) []probe.TargetState {
	all := b.options.TargetStates()
	slices.SortFunc(all, func(x, y probe.TargetState) int {
		return cmp.Or(cmp.Compare(urgency(x, now), urgency(y, now)), strings.Compare(x.Target.Name, y.Target.Name))
	})
	return all
}

// urgency is the place of a target in the order: one with warnings stands before
// those that are simply healthy.
func urgency(k probe.TargetState, now time.Time) int {
	state := stateOf(k, now)
	place := 2 * slices.Index(states, state)
	if state == Healthy && len(k.Latest.Raised()) > 0 {
		place--
	}
	return place
}

func (b *Board) find(name string) (probe.TargetState, bool) {
	all := b.options.TargetStates()
	i := slices.IndexFunc(all, func(k probe.TargetState) bool { return k.Target.Name == name })
	if i < 0 {
		return probe.TargetState{}, false
	}
	return all[i], true
}

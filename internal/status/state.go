package status

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// State is what the page and the API say about a target now.
type State string

// The states, most urgent first.
const (
	// Unhealthy: pods cannot log in.
	Unhealthy State = "unhealthy"
	// Unclear: whether pods can log in is not known, since the exporter or its canary
	// is at fault.
	Unclear State = "unclear"
	// Stale: the latest run was healthy and is older than three intervals.
	Stale State = "stale"
	// Waiting: no run has completed yet.
	Waiting State = "waiting"
	// Healthy: pods can log in.
	Healthy State = "healthy"
)

var states = []State{Unhealthy, Unclear, Stale, Waiting, Healthy}

func stateOf(t probe.TargetState, now time.Time) State {
	switch {
	case t.Latest == nil:
		return Waiting
	case t.Latest.Healthy() && t.Stale(now):
		return Stale
	}
	return runState(t.Latest.LoginStatus())
}

// runState is the state that a run shows when it completes.
func runState(logins diagnose.LoginStatus) State {
	switch logins {
	case diagnose.LoginsWork:
		return Healthy
	case diagnose.LoginsUnknown:
		return Unclear
	}
	return Unhealthy
}

// targets returns the state of every target, most urgent first, then by name.
func (s *Server) targets(now time.Time) []probe.TargetState {
	all := s.options.TargetStates()
	type ranked struct {
		urgency int
		at      int // in all: to swap states would take most of the time
	}
	order := make([]ranked, len(all))
	for i, t := range all {
		order[i] = ranked{urgency(t, now), i}
	}
	slices.SortFunc(order, func(x, y ranked) int {
		return cmp.Or(cmp.Compare(x.urgency, y.urgency), strings.Compare(all[x.at].Target.Name, all[y.at].Target.Name))
	})
	sorted := make([]probe.TargetState, len(all))
	for i, r := range order {
		sorted[i] = all[r.at]
	}
	return sorted
}

// urgency is a target's rank in the order; the lowest is the most urgent. A healthy
// target with warnings comes before those without.
func urgency(t probe.TargetState, now time.Time) int {
	state := stateOf(t, now)
	rank := 2 * slices.Index(states, state)
	if state == Healthy && len(t.Latest.Raised()) > 0 {
		rank--
	}
	return rank
}

func (s *Server) find(name string) (probe.TargetState, bool) {
	all := s.options.TargetStates()
	i := slices.IndexFunc(all, func(t probe.TargetState) bool { return t.Target.Name == name })
	if i < 0 {
		return probe.TargetState{}, false
	}
	return all[i], true
}

package metrics

import "github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"

// state is what is known of one target, with all that is served of it: rendering
// is dear, and runs are rarer than scrapes. It is immutable.
type state struct {
	known   probe.TargetState
	samples []sample
}

func newState(k probe.TargetState) *state { return &state{k, samplesOf(k)} }

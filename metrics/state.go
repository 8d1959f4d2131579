package metrics

import "vault-k8s-auth-exporter/probe"

// state is what is known of one target, with all that is served of it: rendering
// is dear, and runs are rarer than scrapes. It is immutable.
type state struct {
	known   probe.Known
	samples []sample
}

func newState(k probe.Known) *state { return &state{k, samplesOf(k)} }

package metrics

import (
	"errors"
	"slices"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
)

// target is the state of one target, with what is served of it. It is immutable.
type target struct {
	probe.TargetState
	counts counts
	// The gauges are rendered once per run: scrapes are more frequent. Those that are
	// lasting are served also if the latest result is stale.
	gauges, lasting text
	err             error // of gauges that cannot be served
}

func newTarget(state probe.TargetState, counts counts) *target {
	t := &target{TargetState: state, counts: counts}
	samples := samplesOf(state)
	t.gauges, t.err = render(samples, state.Target.Name)
	t.lasting, _ = render(slices.DeleteFunc(samples, func(s sample) bool { return s.dropWhenStale }), state.Target.Name)
	return t
}

// with returns the target with other counts.
func (t *target) with(c counts) *target {
	next := *t
	next.counts = c
	return &next
}

// text is samples in the text format.
type text map[*family]string

// render leaves out samples that cannot be served, and returns why.
func render(samples []sample, target string) (text, error) {
	var errs []error
	var b []byte
	rendered := text{}
	for len(samples) > 0 {
		family := samples[0].family
		for b = b[:0]; len(samples) > 0 && samples[0].family == family; samples = samples[1:] {
			if err := samples[0].check(target); err != nil {
				errs = append(errs, err)
				continue
			}
			b = samples[0].appendText(b, target)
		}
		rendered[family] = string(b)
	}
	return rendered, errors.Join(errs...)
}

// samplesOf returns the gauges of a target, and of its latest result if there is one.
func samplesOf(t probe.TargetState) []sample {
	samples := make([]sample, 0, 64)
	for _, m := range targetMetrics {
		m.collect(t, func(value float64, labels ...string) {
			samples = append(samples, sample{m.family, labels, value, false})
		})
	}
	if t.Latest == nil {
		return samples
	}
	for _, m := range resultMetrics {
		m.collect(t.Latest, func(value float64, dropWhenStale bool, labels ...string) {
			samples = append(samples, sample{m.family, labels, value, dropWhenStale})
		})
	}
	return samples
}

func oneIf(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

// unix returns a Unix time in seconds with its fraction. Unlike UnixNano it holds for
// any year.
func unix(t time.Time) float64 {
	return float64(t.Unix()) + float64(t.Nanosecond())/1e9
}

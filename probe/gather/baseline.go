package gather

import (
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// baselineValidFor is how long a changed config or role raises a warning before it becomes the
// new baseline.
const baselineValidFor = 24 * time.Hour

// readable is a config or role.
type readable[T any] interface {
	ChangesFrom(earlier T) []evidence.Change
}

// baseline is the reading of a config or role that later ones are compared with. The zero value
// is none.
type baseline[T readable[T]] struct{ of *evidence.Baseline[T] }

// compared returns the baseline of a new reading, nil if there is none. It has the time of this
// reading if this is the first that differs.
func (b baseline[T]) compared(reading T, at time.Time) *evidence.Baseline[T] {
	if b.of == nil || !b.of.Changed.IsZero() || len(reading.ChangesFrom(b.of.Value)) == 0 {
		return b.of
	}
	changed := *b.of
	changed.Changed = at
	return &changed
}

// after returns the baseline of the readings after this one.
func (b baseline[T]) after(reading evidence.Fact[T], at time.Time) baseline[T] {
	if !reading.Ok() {
		return b
	}
	now := b.compared(reading.Value, at)
	if now != nil && len(reading.Value.ChangesFrom(now.Value)) > 0 && at.Sub(now.Changed) < baselineValidFor {
		return baseline[T]{now}
	}
	return baseline[T]{&evidence.Baseline[T]{Value: reading.Value, At: at}}
}

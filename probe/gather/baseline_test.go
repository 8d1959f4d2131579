package gather

import (
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func readRole(audience string) evidence.Fact[evidence.RoleConfig] {
	return evidence.Fact[evidence.RoleConfig]{State: evidence.Answered, Value: evidence.RoleConfig{Audience: audience}}
}

// A change has the times of the readings around it, until it is undone or a day old.
func TestBaseline(t *testing.T) {
	begin := time.Unix(1e9, 0)
	at := func(hours int) time.Time { return begin.Add(time.Duration(hours) * time.Hour) }
	var b baseline[evidence.RoleConfig]
	if b.compared(evidence.RoleConfig{}, begin) != nil {
		t.Error("the first reading has a baseline")
	}
	for _, step := range []struct {
		hour          int
		reading       evidence.Fact[evidence.RoleConfig]
		read, changed time.Time // of the baseline of this reading
	}{
		{0, readRole("vault"), time.Time{}, time.Time{}},
		{1, readRole("vault"), at(0), time.Time{}},
		{2, readRole("other"), at(1), at(2)},
		{3, evidence.Fact[evidence.RoleConfig]{State: evidence.Failed}, at(1), at(2)},
		{4, readRole("another"), at(1), at(2)},
		{5, readRole("vault"), at(1), at(2)},
		{6, readRole("vault"), at(5), time.Time{}},
		{7, readRole("other"), at(6), at(7)},
		{31, readRole("other"), at(6), at(7)},
		{32, readRole("other"), at(31), time.Time{}},
	} {
		now := at(step.hour)
		if of := b.compared(step.reading.Value, now); step.reading.Ok() && of != nil && (!of.At.Equal(step.read) || !of.Changed.Equal(step.changed)) {
			t.Errorf("hour %d: the baseline was read at %s and changed at %s, want %s and %s", step.hour, of.At, of.Changed, step.read, step.changed)
		}
		b = b.after(step.reading, now)
	}
}

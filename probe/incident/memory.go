package incident

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

const (
	// notableGap is the time without an exporter from which on a history names it.
	notableGap = 5 * time.Minute
	// MaxGaps is how many of these are remembered.
	MaxGaps = 20
)

// Memory is what one Tracker passes on to that of another process. It is a plain value.
type Memory struct {
	// Since is as in [History].
	Since time.Time
	Gaps  []probe.Gap
	Open  []Open
	Past  []Record
}

// Open is an incident that had not ended.
type Open struct {
	Record
	// Seen is when it was last seen.
	Seen time.Time
	// Members are the targets that failed for it then, Involved those that ever did.
	Members, Involved []string
}

// Memory returns what another Tracker should know.
func (t *Tracker) Memory() Memory {
	m := Memory{Since: t.since, Gaps: slices.Clone(t.gaps), Past: t.History().Past}
	members := map[*tracked][]string{}
	for name, of := range t.targets {
		if i := cmp.Or(of.incident, of.recalled); i != nil {
			members[i] = append(members[i], name)
		}
	}
	for _, i := range t.current {
		slices.Sort(members[i])
		m.Open = append(m.Open, Open{i.snapshot(), i.seen, members[i], slices.Sorted(maps.Keys(i.affected))})
	}
	slices.SortFunc(m.Open, func(a, b Open) int { return cmp.Compare(a.ID, b.ID) })
	return m
}

// Recall puts the memory of another process into use, which saved it at this time. It is called
// before the first [Tracker.SetTargets]. An incident that was open goes on if a run of this process
// finds it; until then it is not in the [History]. Otherwise it ended when it was last seen. Only
// the known targets stay in it: the others are gone, or are configured otherwise.
func (t *Tracker) Recall(m Memory, saved time.Time, known func(target string) bool, now time.Time) []Change {
	t.since, t.gaps = m.Since, m.Gaps
	if gap := (probe.Gap{From: saved, To: now}); gap.Length() >= notableGap {
		t.gaps = append(slices.Clone(t.gaps[max(0, len(t.gaps)+1-MaxGaps):]), gap)
	}
	for _, r := range m.Past {
		t.past = append(t.past, &tracked{Record: r, cause: cause{r.Reason, r.Object}, endIsTold: true})
	}
	t.recalled = map[string]*tracked{}
	var changes []Change
	for _, o := range m.Open {
		i := &tracked{
			Record: o.Record, cause: cause{o.Reason, o.Object}, quiet: quietTime, affected: map[string]bool{},
			told: max(len(o.Members), 1), toldAt: now, seen: o.Seen, unconfirmed: true,
		}
		i.Failing = 0
		for _, name := range o.Involved {
			i.affected[name] = true
		}
		t.current[i.cause] = i
		for _, name := range o.Members {
			if known(name) {
				t.recalled[name] = i
				i.awaited++
			}
		}
		if i.over() {
			changes = append(changes, t.end(i, "", EndRemoved, "")...)
		}
	}
	return changes
}

// forgo says that a recalled incident does not go on at a target, which now has another reason.
func (t *Tracker) forgo(of *member, how Ending, reason diagnose.Reason) []Change {
	i := of.recalled
	of.recalled = nil
	i.awaited--
	switch {
	case !i.over():
		return nil
	case !i.unconfirmed:
		how, reason = i.left, i.leftFor
	}
	return t.end(i, of.Name, how, reason)
}

package incident

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

const (
	// MaxPast is how many incidents that have ended are remembered.
	MaxPast = 100
	// quietTime is how long an incident has to be gone until its return is another
	// incident. For targets with longer intervals it is quietIntervals of them. So one
	// cause makes at most six incidents in an hour, however often it comes and goes.
	quietTime      = 10 * time.Minute
	quietIntervals = 3
	// toldReturns is how often people are told that an incident has returned. Its end is then
	// told when it has been gone for long enough, so an incident that comes and goes with
	// every run is told twelve times.
	toldReturns = 5
)

// Tracker follows incidents from result to result: an incident begins with its first target,
// and ends when its last target has recovered, fails for another cause or was removed. It has
// no clock: time passes with the results.
//
// What fails at the same time is what [Group] returns for the latest results. A target that is
// no longer probed stays in its incident, as its last result stays.
//
// Its memory is bounded by the number of targets and by MaxPast. It is not safe for concurrent
// use.
type Tracker struct {
	since   time.Time
	targets map[string]*member
	current map[cause]*tracked
	past    []*tracked // the latest first
	// recalled are the incidents of an earlier process that may go on, by targets that are not
	// configured yet.
	recalled map[string]*tracked
	gaps     []probe.Gap
}

// member is a target, which is in one incident at most.
type member struct {
	evidence.Target
	last     time.Time // the start of its last run, zero before the first
	changed  bool      // in the configuration, since its last run
	incident *tracked  // for which it fails, nil if it is healthy
	recalled *tracked  // for which it failed before a restart, nil after its first run
}

// tracked is a Record at work.
type tracked struct {
	Record
	cause     cause
	quiet     time.Duration   // how long it has to be gone
	affected  map[string]bool // nil when it can no longer return
	told      int             // how many failing targets were told last
	toldAt    time.Time
	endIsTold bool
	seen      time.Time // when a run last found it, or left it
	// unconfirmed is set while only an earlier process has seen it, and awaited is at how many
	// targets the first run will say whether it goes on.
	unconfirmed bool
	awaited     int
	// left and leftFor say what became of the last target that a run has seen to leave it.
	left    Ending
	leftFor diagnose.Reason
}

// NewTracker returns a Tracker without targets.
func NewTracker() *Tracker { return &Tracker{current: map[cause]*tracked{}} }

// SetTargets replaces the targets. Results of others are ignored.
func (t *Tracker) SetTargets(targets []evidence.Target, now time.Time) []Change {
	if t.since.IsZero() {
		t.since = now
	}
	next := make(map[string]*member, len(targets))
	for _, configured := range targets {
		known := t.targets[configured.Name]
		switch {
		case known == nil:
			known = &member{recalled: t.recalled[configured.Name]}
			delete(t.recalled, configured.Name)
		case !reflect.DeepEqual(known.Target, configured):
			known.changed, known.last = true, time.Time{}
		}
		known.Target = configured
		next[configured.Name] = known
	}
	var changes []Change
	for _, name := range slices.Sorted(maps.Keys(t.targets)) {
		switch gone := t.targets[name]; {
		case gone.recalled != nil && (next[name] == nil || gone.changed):
			changes = append(changes, t.forgo(gone, EndRemoved, "")...)
		case next[name] == nil && gone.incident != nil:
			changes = append(changes, t.leave(gone, now, EndRemoved, "")...)
		}
	}
	t.targets = next
	return changes
}

// Observe takes the result of a completed run, and returns what changed. Results may come in
// any order; of one target, an older one than the last is ignored.
func (t *Tracker) Observe(r probe.Result) []Change {
	of := t.targets[r.Target.Name]
	if of == nil || r.Start.Before(of.last) {
		return nil
	}
	var changes []Change
	fails, c := !r.Healthy(), causeOf(&r)
	switch {
	case of.recalled != nil && (!fails || of.recalled.cause != c):
		changes = t.forgo(of, EndUnseen, r.Diagnosis.Reason)
	case of.recalled != nil:
		of.recalled.awaited--
		of.recalled = nil
	case of.incident != nil && (!fails || of.incident.cause != c):
		changes = t.leave(of, r.Start, endingOf(of, fails), r.Diagnosis.Reason)
	}
	switch {
	case fails && of.incident == nil:
		changes = append(changes, t.join(of, r, c)...)
	case fails:
		changes = append(changes, of.incident.spread(of, r.Start)...)
	}
	if fails {
		of.incident.seen = later(of.incident.seen, r.Start)
	}
	of.last, of.changed = r.Start, false
	return append(changes, t.settle(r.Start)...)
}

func endingOf(of *member, fails bool) Ending {
	switch {
	case of.changed:
		return EndRemoved
	case fails:
		return EndOtherCause
	}
	return EndRecovered
}

// join adds a target to the incident of its cause, which begins or returns with it.
func (t *Tracker) join(of *member, r probe.Result, c cause) []Change {
	i, kind := t.current[c], Joined
	if i == nil {
		if i = t.returned(c, r.Start); i != nil {
			i.End, i.Ending, i.Next, i.endIsTold = time.Time{}, "", "", false
			if i.Recurrences++; i.Recurrences <= toldReturns {
				kind = Resumed
			}
		} else {
			kind = Began
			i = &tracked{cause: c, quiet: quietTime, affected: map[string]bool{}, told: 1, toldAt: r.Start, Record: Record{
				ID: idOf(c, r.Start), Reason: c.reason, Component: c.reason.Component(), Object: c.object,
				Begin: r.Start, BeginSeen: !of.last.IsZero(),
			}}
		}
		t.current[c] = i
	} else if i.unconfirmed {
		i.unconfirmed, kind = false, Continued
	}
	of.incident = i
	i.quiet = max(i.quiet, quietIntervals*of.Interval)
	if r.Start.Before(i.Begin) { // the run took longer than the one that found it first
		i.Begin = r.Start
	}
	i.Failing++
	if !i.affected[of.Name] {
		i.affected[of.Name] = true
		i.Affected++
		if len(i.Names) < MaxNames {
			i.Names = append(i.Names, of.Name)
		}
	}
	if kind == Joined {
		if told := i.spread(of, r.Start); told != nil {
			return told
		}
	}
	return []Change{{kind, of.Name, i.Record}}
}

// returned takes the incident of a cause back from the past, if it ended a short time ago.
func (t *Tracker) returned(c cause, now time.Time) *tracked {
	at := slices.IndexFunc(t.past, func(i *tracked) bool { return i.cause == c && i.affected != nil && now.Sub(i.End) <= i.quiet })
	if at < 0 {
		return nil
	}
	i := t.past[at]
	t.past = slices.Delete(t.past, at, at+1)
	return i
}

// leave removes a target from its incident, which ends if it was the last. The reason is that
// of its new result.
func (t *Tracker) leave(of *member, now time.Time, how Ending, reason diagnose.Reason) []Change {
	i := of.incident
	of.incident = nil
	i.Failing--
	i.seen, i.left, i.leftFor = later(i.seen, now), how, reason
	if !i.over() {
		return []Change{{Left, of.Name, i.Record}}
	}
	return t.end(i, of.Name, how, reason)
}

// over reports whether no target fails for the incident, nor may still do so since before a restart.
func (i *tracked) over() bool { return i.Failing == 0 && i.awaited == 0 }

// end ends an incident that is over.
func (t *Tracker) end(i *tracked, target string, how Ending, reason diagnose.Reason) []Change {
	i.End, i.Ending = later(i.seen, i.Begin), how // results of different targets come in any order
	if how == EndOtherCause || how == EndUnseen && reason != diagnose.None {
		i.Next = reason
	}
	i.unconfirmed = false
	delete(t.current, i.cause)
	kind := Left
	if i.Recurrences < toldReturns {
		kind, i.endIsTold = Ended, true
	}
	changes := []Change{{kind, target, i.Record}}
	t.past = slices.Insert(t.past, 0, i)
	if len(t.past) > MaxPast {
		changes = append(changes, t.past[MaxPast].finish()...)
		t.past = slices.Delete(t.past, MaxPast, len(t.past))
	}
	return changes
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// spread tells of an incident that has grown.
func (i *tracked) spread(of *member, now time.Time) []Change {
	if i.Failing < 2*i.told || now.Sub(i.toldAt) < of.Interval {
		return nil
	}
	i.told, i.toldAt = i.Failing, now
	return []Change{{Spread, of.Name, i.Record}}
}

// settle ends the incidents that have been gone for long enough, for good.
func (t *Tracker) settle(now time.Time) []Change {
	var changes []Change
	for _, i := range t.past {
		if i.affected != nil && now.Sub(i.End) > i.quiet {
			changes = append(changes, i.finish()...)
		}
	}
	return changes
}

// finish ends an incident for good, and tells its end if that was not told.
func (i *tracked) finish() []Change {
	i.affected = nil
	if i.endIsTold {
		return nil
	}
	i.endIsTold = true
	return []Change{{Kind: Ended, Record: i.Record}}
}

// History returns what is remembered.
func (t *Tracker) History() History {
	h := History{Since: t.since, Gaps: slices.Clone(t.gaps)}
	for i := range maps.Values(t.current) {
		if i.Failing > 0 {
			h.Current = append(h.Current, i.snapshot())
		}
	}
	// Stable as below: another way to sort records is 29 kB of the executable.
	slices.SortStableFunc(h.Current, func(a, b Record) int { return cmp.Or(b.Begin.Compare(a.Begin), strings.Compare(a.ID, b.ID)) })
	for _, i := range t.past {
		h.Past = append(h.Past, i.snapshot())
	}
	slices.SortStableFunc(h.Past, func(a, b Record) int { return b.End.Compare(a.End) })
	return h
}

func (i *tracked) snapshot() Record {
	r := i.Record
	r.Names = slices.Clone(r.Names)
	return r
}

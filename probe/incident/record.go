package incident

import (
	"fmt"
	"hash/fnv"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
)

// MaxNames is how many of the targets that it affected a Record names.
const MaxNames = 20

// Record is what is known of one incident over time. It is a plain value, which can be
// written as JSON and read again.
type Record struct {
	// ID is the same for as long as the incident is remembered.
	ID        string
	Reason    diagnose.Reason
	Component diagnose.Component
	Object    string // see [Incident]
	// Begin is the start of the first run that found the incident.
	Begin time.Time
	// BeginSeen is set if an earlier run of that target did not find it, so that it began
	// between the two. Otherwise it may be older than Begin.
	BeginSeen bool
	// End is the start of the run that no longer found it at the last of its targets, or with
	// [EndUnseen] of the last one that found it. It is zero while a target fails for it.
	End time.Time
	// Ending says what became of the last of its targets, empty while one fails for it.
	Ending Ending
	// Next is the reason for which that target failed then, with [EndOtherCause] and perhaps with
	// [EndUnseen].
	Next diagnose.Reason
	// Failing is how many targets fail for it now, Affected how many have failed for it.
	Failing, Affected int
	// Names are the first targets that failed for it, at most 20.
	Names []string
	// Recurrences is how often it returned soon after it had ended.
	Recurrences int
}

// Duration is the time from begin to end, recurrences and the gaps between them included.
// It is zero while the incident goes on.
func (r Record) Duration() time.Duration {
	if r.End.IsZero() {
		return 0
	}
	return r.End.Sub(r.Begin)
}

// Ending is how an incident ended.
type Ending string

const (
	// EndRecovered means that a run of its last target found that pods can log in.
	EndRecovered Ending = "recovered"
	// EndOtherCause means that its last target then failed for another cause.
	EndOtherCause Ending = "other_cause"
	// EndRemoved means that its last target was removed from the configuration, or changed
	// there. Whether the cause is gone is not known.
	EndRemoved Ending = "removed"
	// EndUnseen means that the exporter was restarted, and that its first runs no longer found it.
	EndUnseen Ending = "unseen"
)

// History is what a [Tracker] remembers. It is a plain value, as Record is.
type History struct {
	// Since is when the tracker, or the first of those whose memory it has, got its first targets.
	// Nothing is known of the time before. It is zero if it never got any.
	Since time.Time
	// Gaps are the latest times since then in which no exporter ran, oldest first.
	Gaps []probe.Gap
	// Current are the incidents for which a target fails, the latest first.
	Current []Record
	// Past are the last incidents that have ended, the latest first.
	Past []Record
}

// Kind is what happened to an incident.
type Kind string

const (
	// Began: the first target fails for it.
	Began Kind = "began"
	// Spread: it affects at least twice as many targets as when it was last told, which was
	// at least an interval before.
	Spread Kind = "spread"
	// Resumed: it returned soon after it had ended. Of an incident that does so more than five
	// times, further returns and ends are Joined and Left, until it is gone for good.
	Resumed Kind = "resumed"
	// Continued: it began before a restart, and the first run since then has found it.
	Continued Kind = "continued"
	// Ended: no target fails for it.
	Ended Kind = "ended"
	// Joined and Left: one more target fails for it, one fewer.
	Joined Kind = "joined"
	Left   Kind = "left"
)

// Tells reports whether people should be told: of the others there may be hundreds.
func (k Kind) Tells() bool { return k != Joined && k != Left }

// Change is one step in the life of an incident.
type Change struct {
	Kind Kind
	// Target is the target whose run or removal brought it about, empty where it is the
	// time that passed.
	Target string
	// Record is the incident after the change.
	Record Record
}

func idOf(c cause, begin time.Time) string {
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%s\n%s\n%d", c.reason, c.object, begin.UnixNano())
	return fmt.Sprintf("%016x", hash.Sum64())
}

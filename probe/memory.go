package probe

import (
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/gather"
)

// Memory is what is kept of one target's last run for its next run. The zero value is
// for a target that was never probed.
type Memory struct {
	gathered gather.Memory
	reason   diagnose.Reason
	since    time.Time // when the reason was first seen
	failures int       // see [Result.ConsecutiveFailures]
	expiries []diagnose.Expiry
	recalled time.Time // when another process saw the reason last; zero after a run of this one
	gap      Gap       // see [Result.Gap]
}

// Remembered is what another process knows of a target after a restart. It is a plain value, and
// no verdict: only the next run says whether pods can log in.
type Remembered struct {
	Reason diagnose.Reason
	// Since is when the reason was first seen, Seen when it was seen last.
	Since, Seen time.Time
	Gap         Gap `json:",omitzero"`
}

// Remember returns what another process should know of the run.
func (r Result) Remember() Remembered {
	return Remembered{r.Diagnosis.Reason, r.Since, r.Start, r.Gap}
}

// Memory returns the memory for the first run in another process. If that run has the same
// reason, its Since is the remembered one.
func (r Remembered) Memory() Memory {
	return Memory{reason: r.Reason, since: r.Since, recalled: r.Seen, gap: r.Gap}
}

// Gap is a time in which a target was not probed. The zero value is none.
type Gap struct{ From, To time.Time }

// IsZero reports whether there is no gap.
func (g Gap) IsZero() bool { return g.From.IsZero() }

// Length is the time from begin to end.
func (g Gap) Length() time.Duration { return g.To.Sub(g.From) }

// verdict takes the reason of a run into the memory.
func (m *Memory) verdict(reason diagnose.Reason, at time.Time, interval time.Duration) {
	if m.reason != reason {
		m.reason, m.since, m.gap = reason, at, Gap{}
	} else if gap := (Gap{m.recalled, at}); !m.recalled.IsZero() && gap.Length() > staleAfter*interval && gap.Length() > m.gap.Length() {
		m.gap = gap
	}
	m.recalled = time.Time{}
}

package soak

import (
	"sync"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// A span is a time in which pods may be unable to log in.
type span struct {
	what  string
	fault *lab.Fault // nil for what is no fault, such as a restart
	// The change begins at from and is in effect at since; its undoing begins at until and is complete at to. A time is
	// zero until it has come.
	from, since, until, to time.Time
}

// mayHold reports whether the span may have affected what happened between two times.
func (s span) mayHold(start, end time.Time) bool {
	return !s.from.After(end) && (s.to.IsZero() || !s.to.Before(start))
}

// holds reports whether the fault was in effect for all that time.
func (s span) holds(start, end time.Time) bool {
	return s.fault != nil && !s.since.IsZero() && !s.since.After(start) && (s.until.IsZero() || !s.until.Before(end))
}

// A timeline has everything that was true of the installation.
type timeline struct {
	mu    sync.Mutex // guards spans
	spans []*span
}

// begin adds a span that begins now. fault may be nil.
func (t *timeline) begin(what string, fault *lab.Fault) *span {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &span{what: what, fault: fault, from: time.Now()}
	t.spans = append(t.spans, s)
	return s
}

// mark sets one of a span's times to now.
func (t *timeline) mark(at *time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*at = time.Now()
}

// copied returns the spans as they are now.
func (t *timeline) copied() []span {
	t.mu.Lock()
	defer t.mu.Unlock()
	spans := make([]span, 0, len(t.spans))
	for _, s := range t.spans {
		spans = append(spans, *s)
	}
	return spans
}

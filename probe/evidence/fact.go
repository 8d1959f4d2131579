package evidence

import "time"

// State is the outcome of a request.
type State uint8

// NotAsked is the zero value, so that a request that was never made cannot look like
// success.
const (
	NotAsked State = iota
	Answered
	Failed
)

// Fact is one observation: the result of one request to a server, or of reading a file.
type Fact[T any] struct {
	State State
	// Value is valid if the state is Answered.
	Value T
	// Failure is valid if the state is Failed.
	Failure Failure
	// At is when the request was made.
	At time.Time
	// Carried is set if the answer is from an earlier run: it may no longer be true.
	Carried bool
	// Elapsed is how long the request took.
	Elapsed time.Duration
}

// Ok reports whether the request was answered.
func (f Fact[T]) Ok() bool { return f.State == Answered }

// Failed reports whether the request was made and failed.
func (f Fact[T]) Failed() bool { return f.State == Failed }

// RefusedWith reports whether the server itself rejected the request with this HTTP
// status.
func (f Fact[T]) RefusedWith(status int) bool {
	return f.Failed() && f.Failure.Class == ClassRefused && f.Failure.Status == status
}

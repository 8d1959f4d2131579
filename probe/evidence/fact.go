package evidence

import "time"

// State says what became of a question.
type State uint8

// A fact that nobody asked for is the zero value, so that forgetting to ask can
// never look like success.
const (
	NotAsked State = iota
	Answered
	Failed
)

// Fact is one observation: the answer to one question put to one server or file.
type Fact[T any] struct {
	State State
	// Value holds when the state is Answered.
	Value T
	// Failure holds when the state is Failed.
	Failure Failure
	// At is when the question was asked.
	At time.Time
	// Carried is set where the answer is that of an earlier run: it may no longer be true.
	Carried bool
	// Elapsed is how long the question was open.
	Elapsed time.Duration
}

// Ok reports whether the question was answered.
func (f Fact[T]) Ok() bool { return f.State == Answered }

// Failed reports whether the question was asked in vain.
func (f Fact[T]) Failed() bool { return f.State == Failed }

// refusedWith reports whether the server itself refused with this HTTP status.
func (f Fact[T]) RefusedWith(status int) bool {
	return f.Failed() && f.Failure.Class == ClassRefused && f.Failure.Status == status
}

package schedule

import (
	"context"
	"fmt"
	"time"
)

// Job is something to run again and again.
type Job struct {
	// Name decides the phase, and names the job in what [Scheduler.Alive] says.
	Name string

	// Interval is the time from tick to tick, and Recheck the pause before a run
	// that confirms a change of verdict. Longest is how long a run may last at most;
	// one that lasts longer is dead to [Scheduler.Alive], but is not ended. All three
	// are positive.
	Interval, Recheck, Longest time.Duration

	// Run makes one run. Its context ends with the scheduler's, and the scheduler
	// then waits for it to return.
	Run func(ctx context.Context) Outcome

	// Skipped is called for every tick that found a run still going, at the time
	// of that tick. It may be nil.
	Skipped func()

	// Panicked is called with what Run panicked with and the stack. The run then
	// counts as one without a verdict, and the job goes on. Where it is nil a panic
	// is not recovered and ends the process, as it would anywhere else.
	Panicked func(cause any, stack []byte)
}

// Outcome is what the schedule needs to know of a run.
type Outcome struct {
	// Verdict is compared with the last run's. Empty means that the run came to
	// none: nothing has changed, and nothing is confirmed.
	Verdict string
	// LeaveAlone is set where a server asked to be left alone, and RetryAfter is
	// the pause that it named; without LeaveAlone it means nothing.
	LeaveAlone bool
	RetryAfter time.Duration
}

// check panics where a job cannot be scheduled: that is a mistake in the program,
// since configuration has been judged before.
func (j Job) check() {
	if j.Run == nil {
		panic(fmt.Sprintf("schedule: job %q has nothing to run", j.Name))
	}
	if j.Interval <= 0 || j.Recheck <= 0 || j.Longest <= 0 {
		panic(fmt.Sprintf("schedule: job %q: interval %v, recheck %v and longest run %v must be positive",
			j.Name, j.Interval, j.Recheck, j.Longest))
	}
}

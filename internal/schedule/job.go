package schedule

import (
	"context"
	"fmt"
	"reflect"
	"time"
)

// Job is something to run again and again.
type Job struct {
	// Name is the job's own. It decides the phase, and names the job in what
	// [Scheduler.Alive] says.
	Name string

	// Group is shared by the jobs that hang together, since they depend on the same
	// server.
	Group string

	// Spec is what the job was made of. A job that is set again with an equal Spec,
	// as [reflect.DeepEqual] sees it, and the same group and durations is unchanged,
	// and the functions of the job that runs already are kept.
	Spec any

	// Interval is the time from tick to tick, and Recheck the pause before a run
	// that confirms a change of verdict. Longest is how long a run may last at most;
	// one that lasts longer is dead to [Scheduler.Alive], but is not ended. All three
	// are positive.
	Interval, Recheck, Longest time.Duration

	// Run makes one run. Its context ends with the scheduler's, which then waits for
	// it to return, and when the job is removed or changed.
	Run func(ctx context.Context) Outcome

	// Skipped is called for every tick that found a run still going, at the time
	// of that tick, or later by as much as the run began late. It may be nil.
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
	// Backoff is set where a server asked to be left alone, and RetryAfter is
	// the pause that it named; without Backoff it means nothing.
	Backoff    bool
	RetryAfter time.Duration
}

// check panics where jobs cannot be scheduled: that is a mistake in the program,
// since configuration has been judged before.
func check(jobs []Job, slots int) {
	if slots <= 0 {
		panic(fmt.Sprintf("schedule: %d slots", slots))
	}
	names := make(map[string]bool, len(jobs))
	for _, job := range jobs {
		job.check()
		if names[job.Name] {
			panic(fmt.Sprintf("schedule: two jobs are named %q", job.Name))
		}
		names[job.Name] = true
	}
}

func (j Job) check() {
	if j.Run == nil {
		panic(fmt.Sprintf("schedule: job %q has nothing to run", j.Name))
	}
	if j.Interval <= 0 || j.Recheck <= 0 || j.Longest <= 0 {
		panic(fmt.Sprintf("schedule: job %q: interval %v, recheck %v and longest run %v must be positive",
			j.Name, j.Interval, j.Recheck, j.Longest))
	}
}

// same reports whether the other job is this one unchanged.
func (j Job) same(other Job) bool {
	return j.Group == other.Group &&
		j.Interval == other.Interval && j.Recheck == other.Recheck && j.Longest == other.Longest &&
		reflect.DeepEqual(j.Spec, other.Spec)
}

// demand is the share of the time for which the job holds a slot if every run
// lasts as long as it may.
func (j Job) demand() float64 { return j.Longest.Seconds() / j.Interval.Seconds() }

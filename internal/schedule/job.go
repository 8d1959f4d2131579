package schedule

import (
	"context"
	"fmt"
	"reflect"
	"time"
)

// Job is something to run at intervals.
type Job struct {
	// Name is unique among the jobs. It determines the phase, and names the job in the
	// error of [Scheduler.Alive].
	Name string

	// Group is shared by the jobs that depend on the same server, and hang when it does.
	Group string

	// Spec is what the job was made from. A job that is set again with the same group,
	// the same durations and an equal Spec, as [reflect.DeepEqual] sees it, is
	// unchanged: it goes on with the functions that it has.
	Spec any

	// Interval is the time from tick to tick, Recheck the pause before the run that
	// confirms a change of verdict, and Longest how long a run may last. A run that
	// lasts longer, by more than 10 s, is abandoned. All three are positive.
	Interval, Recheck, Longest time.Duration

	// Run makes one run. Its context ends when the scheduler's does, or when the job is
	// removed or changed; Run should then return soon.
	Run func(ctx context.Context) Outcome

	// Skipped is called for every tick that finds a run going, when the tick is due. If
	// that run had to wait for a slot, the call comes later by the time it waited.
	// Skipped may be nil.
	Skipped func()

	// Abandoned is called for a run that is abandoned. It may be nil.
	Abandoned func()
}

// Outcome is what the schedule needs to know about a run.
type Outcome struct {
	// Verdict is compared with the last run's. An empty one neither changes nor
	// confirms anything.
	Verdict string
	// Incomplete is set where the run could not ask everything: its verdict does not
	// count, and the next run is due RetryAfter after its end.
	Incomplete bool
	// Backoff is set where a server asked for fewer requests. RetryAfter is the pause
	// that it named.
	Backoff    bool
	RetryAfter time.Duration
}

// validate panics if the jobs cannot be scheduled. That is a mistake in the program:
// the configuration was validated before.
func validate(jobs []Job, limit int) {
	if limit <= 0 {
		panic(fmt.Sprintf("schedule: a limit of %d runs", limit))
	}
	names := make(map[string]bool, len(jobs))
	for _, job := range jobs {
		switch {
		case job.Run == nil:
			panic(fmt.Sprintf("schedule: job %q has no Run", job.Name))
		case job.Interval <= 0 || job.Recheck <= 0 || job.Longest <= 0:
			panic(fmt.Sprintf("schedule: job %q: interval %v, recheck %v and longest run %v must be positive",
				job.Name, job.Interval, job.Recheck, job.Longest))
		case names[job.Name]:
			panic(fmt.Sprintf("schedule: two jobs are named %q", job.Name))
		}
		names[job.Name] = true
	}
}

// same reports whether the other job is this one, unchanged.
func (j Job) same(other Job) bool {
	return j.Group == other.Group &&
		j.Interval == other.Interval && j.Recheck == other.Recheck && j.Longest == other.Longest &&
		reflect.DeepEqual(j.Spec, other.Spec)
}

// demand is the share of the time for which the job holds a slot if every run
// lasts as long as it may.
func (j Job) demand() float64 { return j.Longest.Seconds() / j.Interval.Seconds() }

// Package schedule says when a job runs. It knows nothing of what a run does.
//
// A job's phase is a fraction of its interval, hashed from its name: the same in
// every process, and spread over the interval for many jobs. With start the
// moment at which [Scheduler.Run] was called, the rules are:
//
//   - The first run comes at start + phase × min(interval, jobs × 100 ms), so that
//     a first round is quick and no burst.
//   - Ticks are at start + phase × interval + k × interval. They never drift,
//     however long runs last and whatever came between. The first tick is dropped
//     without a count if the first run is still going then: otherwise every slow
//     target would seem to skip once at each start.
//   - Runs of one job never overlap. A tick that finds a run still going, be it a
//     tick's run or a recheck, is skipped and counted, and the next run waits for
//     the next tick.
//   - A verdict that differs from the last one is rechecked: the next run comes one
//     recheck interval after the end of this one, until two in a row agree, and
//     at most three times. Then ticks decide again. The first verdict ever is no
//     change. A tick that falls due while a recheck waits is absorbed, neither run
//     nor counted: the recheck, never more than its interval away, does its work.
//   - A run whose server asked to be left alone is not rechecked, and ends the
//     rechecks under way. The next run comes with the first tick that is no earlier
//     than the pause that the server named after the end of the run. Ticks before
//     it are dropped, not counted. A pause of more than an hour counts as an hour:
//     no server can silence its own monitoring for good.
//   - [Scheduler.RunNow] makes a run between ticks. Its verdict counts like any other,
//     and ticks stay where they are.
//   - A process that was suspended makes one run when it wakes, not one for every
//     tick that it missed.
package schedule

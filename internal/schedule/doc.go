// Package schedule says when a job runs. It knows nothing of what a run does.
//
// A job's phase is a fraction of its interval, hashed from its name: the same in
// every process, and spread over the interval for many jobs. With start the
// moment at which the job came to a running [Scheduler], the rules are:
//
//   - The first run comes at start + phase × min(interval, jobs × 100 ms), jobs
//     being those that came at the same time, so that a first round is quick and
//     no burst.
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
//
// Jobs come and go while others run, by [Scheduler.Set]:
//
//   - A job that is unchanged goes on as if nothing had happened: phase, ticks,
//     rechecks under way, and the run that is going.
//   - A job that is gone ends at once. Its run's context is canceled, and what the
//     run then returns counts for nothing.
//   - A job that changed is the end of the old one and a new one of the same name.
//     Its first run waits until the old one's last has returned.
//
// Runs share slots, so that many that hang do not pile up without end:
//
//   - A run that is due waits for a slot. That is no skip, however many ticks go by,
//     and a run that waits is not dead. Neither is a tick skipped that the run would
//     not have lasted into had it begun when it was due.
//   - Jobs of one group depend on the same server, and hang together. A group has a
//     share of the slots, by how much of the time its jobs may run at most, rounded
//     up, but never all where there are others. It may exceed its share only while
//     fewer than half of all slots are taken. A server that hangs therefore never
//     keeps the jobs of others waiting.
//   - Where runs of several groups wait, groups take turns. Within one, whose tick
//     is the earliest is served first; the tick of a recheck, or of a run that was
//     wished for, is the one that comes next. A recheck that would not be over by then
//     leaves its work to it. When a server begins to hang, rechecks are as many as
//     ticks, and make no tick late.
//   - With as many slots as the jobs' longest runs can fill on average, which is
//     the sum of longest / interval, every job can hang and all still run once in
//     every interval.
package schedule

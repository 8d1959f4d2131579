// Package schedule decides when a job runs, and how many run at once. It knows
// nothing of what a run does.
//
// A job's phase is a fraction of its interval, hashed from its name: the same in
// every process, and spread evenly over many jobs. With start the time at which the
// job was given to a running [Scheduler], the rules are:
//
//   - The first run is due at start + phase × min(interval, jobs × 100 ms), where jobs
//     is how many were given at the same time: a fast first round without a burst.
//   - Ticks are at start + phase × interval + k × interval. They never drift, however
//     long runs last. If the first run is still going at the first tick, that tick is
//     dropped and not counted: otherwise every slow target would seem to skip one at
//     every start.
//   - Runs of one job never overlap. A tick that finds a run going is skipped and
//     counted, and the next run is due at the next tick.
//   - A verdict that differs from the last one is rechecked: the next run is due one
//     recheck interval after the end of this one, until two in a row agree, at most
//     three times. Then ticks decide again. The first verdict ever is not rechecked. A
//     tick that falls due while a recheck is pending is dropped and not counted: the
//     recheck, never more than its interval away, replaces it.
//   - A run whose server asked to back off is not rechecked, and ends the rechecks in
//     progress. The next run is due at the first tick that is no earlier than the pause
//     that the server named, counted from the end of the run. Earlier ticks are dropped
//     and not counted. A pause of more than three intervals counts as three, so that no
//     server can stop its own monitoring.
//   - A run that could not ask everything is incomplete: its verdict does not count, and
//     the next run is due at the time that it names, within one interval.
//   - A run that is still going 10 s after its longest time is abandoned: its slot is
//     free, and neither [Scheduler.Alive] nor the end of the context waits for it. The
//     job's next run waits until it has returned.
//   - A process that was suspended makes one run when it wakes, not one for every tick
//     that it missed. If a run was going, it counts at most one of those ticks as skipped.
//
// [Scheduler.RunNow] requests a run in addition to these:
//
//   - The run that answers a request begins after the request, always. If no run is
//     going it is due at once. If one is going, that run does not count: the next is due
//     when it ends.
//   - Requests share a run: the first to begin answers all requests made before,
//     whether it was due by a request, a tick or a recheck.
//   - A requested run obeys the other rules: it waits for a slot, its verdict counts, a
//     tick that finds it going is skipped and counted. Ticks stay where they are.
//   - Requests end with their job. If the job changed, the caller may request a run of
//     the new one.
//
// Jobs come and go while others run, by [Scheduler.Set]:
//
//   - An unchanged job keeps its phase, its ticks, its rechecks and the run that is
//     going.
//   - A removed job ends at once: the context of its run is canceled, and what that run
//     returns is ignored.
//   - A changed job is the removal of the old one and a new one of the same name, whose
//     first run waits until the old one's last run has returned.
//
// Every run needs a slot, so that runs that hang do not pile up without limit:
//
//   - A run that waits for a slot is late. It is neither skipped nor stuck, however many
//     ticks pass. Once it has begun, a tick counts as skipped only if the run would have
//     lasted into it without the wait.
//   - Jobs of one group depend on the same server and hang together. A group has a share
//     of the slots, in proportion to the time for which its jobs can run at most,
//     rounded up, but never all slots if there are other groups. It may exceed its share
//     only while fewer than half of all slots are taken. So a server that hangs never
//     delays the jobs of other servers.
//   - Groups with waiting runs take turns. Within a group the run with the earliest tick
//     is first. A recheck or a requested run has the tick that comes next. A recheck that
//     would not end before that tick is left to the tick's run, so rechecks delay no
//     tick when a server begins to hang and doubles the number of runs.
//   - If there are as many slots as the jobs' longest runs fill on average, which is the
//     sum of longest / interval, every job can hang and all still run once in every
//     interval.
package schedule

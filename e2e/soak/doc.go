// Package soak lets things go wrong with the lab in any order, for minutes or hours, and judges all that the exporter
// says meanwhile.
//
// A seed yields a [schedule] of steps. The [stage] carries them out: faults come and go, one or two at a time, also
// faster than the exporter's interval; servers restart, tokens and certificates rotate, responses end in the middle, the
// exporter is killed or frozen, its leader changes, its targets file is rewritten. The [timeline] has what was true of
// the installation when. The [watcher] reads the exporter's metrics and API all the time, and the rest are pure functions
// which judge what it read by the timeline.
//
//	make soak DURATION=30m SEED=7
//	make soak STEPS="inject vault_sealed, settled; heal all, settled"
package soak

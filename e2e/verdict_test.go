package e2e

import (
	"math"
	"time"
)

// A fault or its mending shows within one interval and one run.
const (
	longestRun = timeout + 7*time.Second
	shows      = interval + longestRun
)

// awaitVerdict returns the scrape that first names the reason.
func (e *exporter) awaitVerdict(reason string) metrics {
	e.t.Helper()
	return e.await(shows+2*pollEvery, "verdict "+reason, func(m metrics) bool { return m.verdict().reason == reason })
}

// awaitRuns returns the scrape after so many runs more.
func (e *exporter) awaitRuns(n float64) metrics {
	e.t.Helper()
	before := e.scrape().sum("probes_total")
	return e.await(time.Duration(n)*shows, "further run", func(m metrics) bool { return m.sum("probes_total") >= before+n })
}

// start returns when the exporter is healthy and keeps to its ticks, and says when
// one of these was.
func (e *exporter) start() (tick time.Time) {
	e.t.Helper()
	e.wantHealthy(e.awaitVerdict(healthy.reason))
	first, _ := e.seen.value("last_probe_timestamp_seconds")
	// The first run comes early, the second with a tick: there is no recheck after a
	// first verdict.
	m := e.await(shows, "second run", func(m metrics) bool {
		at, known := m.value("last_probe_timestamp_seconds")
		return known && at > first
	})
	seconds, _ := m.value("last_probe_timestamp_seconds")
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9))
}

func (e *exporter) wantHealthy(m metrics) {
	e.t.Helper()
	for _, name := range []string{"up", "reviewer_up", "canary_login_up"} {
		if m.shows(name) != "1" {
			e.t.Errorf("%s is %s; %s", name, m.shows(name), e.explain())
		}
	}
	if m.verdict() != healthy {
		e.t.Errorf("not healthy; %s", e.explain())
	}
}

// awaitCalm returns when no run is going on and none is near. A run that straddles
// a change of the lab sees half of it, and may truly name something else.
func (e *exporter) awaitCalm(tick time.Time) {
	e.t.Helper()
	const early, late = 300 * time.Millisecond, time.Second
	e.await(interval, "calm", func(m metrics) bool {
		passed := time.Since(tick) % interval
		return m.shows("exporter_probes_in_flight") == "0" && passed > early && passed < interval-late
	})
}

package metrics

import (
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The counters of each target.
var (
	probes = counter("probes_total",
		"Scheduled runs that completed, without those in a planned maintenance.")
	failures = counter("probe_failures_total",
		"Scheduled runs that were not healthy, by the component that owns the cause, without those in a planned maintenance.", "component")
	reasons = counter("probe_failure_reasons_total",
		"Scheduled runs that were not healthy, by reason, without those in a planned maintenance; absent until the first run with that reason.", "component", "reason")
	issued = counter("tokens_issued_total",
		"Vault tokens that the canary's scheduled logins returned, by type: service or batch.", "type")
	revoked = counter("tokens_revoked_total",
		"Vault tokens of scheduled logins that the exporter revoked.")
	revokeFailures = counter("token_revoke_failures_total",
		"Vault tokens of scheduled logins that could not be revoked and live until their TTL ends.")
	tokensUnaccounted = counter("tokens_unaccounted_total",
		"Scheduled logins that never got a response; if Vault issued a token, it lives until its TTL ends.")
	followUps = counter("follow_ups_total",
		"Follow-up requests to Vault and Kubernetes that tell the causes of a failed scheduled login apart, by kind; none can return a token.", "kind")
	skipped = counter("exporter_probes_skipped_total",
		"Ticks of the schedule that were skipped, since the target's last run was still going.")
	discarded = counter("exporter_runs_discarded_total",
		"Scheduled runs whose result was discarded and that were made again, since the exporter itself was frozen or starved meanwhile.")
	abandoned = counter("exporter_runs_abandoned_total",
		"Scheduled runs that did not return in their longest time, and no longer hold a slot.")
)

var counters = []*family{
	probes, failures, reasons, issued, revoked, revokeFailures, tokensUnaccounted, followUps, skipped, discarded, abandoned,
}

func counter(name, help string, labels ...string) *family {
	return newFamily(dto.MetricType_COUNTER, name, help, labels...)
}

// counts are the counters of one target.
type counts []count

type count struct {
	sample
	since time.Time // when it was 0
}

// newCounts returns counts of 0, so that increase() sees the first event. There are too
// many reasons for that: each is absent until it occurs.
func newCounts(now time.Time) counts {
	c := slices.Clone(zero)
	for i := range c {
		c[i].since = now
	}
	return c
}

var zero = func() (zero counts) {
	add := func(f *family, labels ...string) {
		zero = append(zero, count{sample: sample{family: f, labelValues: labels}})
	}
	for _, f := range []*family{probes, revoked, revokeFailures, tokensUnaccounted, skipped, discarded, abandoned} {
		add(f)
	}
	for _, component := range diagnose.Components {
		add(failures, string(component))
	}
	for _, kind := range []string{"service", "batch"} {
		add(issued, kind)
	}
	for _, kind := range evidence.FollowUpKinds {
		add(followUps, kind)
	}
	return zero
}()

// plus returns a copy in which one count is higher by 1.
func (c counts) plus(f *family, labels ...string) counts {
	next := slices.Clone(c)
	i := slices.IndexFunc(next, func(n count) bool { return n.family == f && slices.Equal(n.labelValues, labels) })
	if i < 0 {
		return append(next, count{sample{family: f, labelValues: labels, value: 1}, time.Now()})
	}
	next[i].value++
	return next
}

// after counts a run. One in a maintenance does not count for the error budget.
func (c counts) after(r probe.Result) counts {
	if !r.Maintenance.Active() {
		c = c.plus(probes)
		if component := string(r.Diagnosis.Component()); !r.Healthy() {
			c = c.plus(failures, component).plus(reasons, component, string(r.Diagnosis.Reason))
		}
	}
	for _, kind := range r.FollowUps() {
		c = c.plus(followUps, kind)
	}
	return c
}

func (c counts) afterToken(event evidence.TokenEvent) counts {
	switch event {
	case evidence.IssuedService:
		return c.plus(issued, "service")
	case evidence.IssuedBatch:
		return c.plus(issued, "batch")
	case evidence.Revoked:
		return c.plus(revoked)
	case evidence.RevokeFailed:
		return c.plus(revokeFailures)
	case evidence.Unaccounted:
		return c.plus(tokensUnaccounted)
	}
	return c
}

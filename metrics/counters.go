package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// counters are the counters of all targets.
type counters struct {
	probes, failures, reasons                          *prometheus.CounterVec
	issued, revoked, revokeFailures, tokensUnaccounted *prometheus.CounterVec
	followUps, skipped, discarded, abandoned           *prometheus.CounterVec
}

func newCounters() counters {
	return counters{
		probes: perTarget("probes_total",
			"Scheduled runs that completed."),
		failures: perTarget("probe_failures_total",
			"Scheduled runs that were not healthy, by the component that owns the cause.", "component"),
		reasons: perTarget("probe_failure_reasons_total",
			"Scheduled runs that were not healthy, by reason; absent until the first run with that reason.", "component", "reason"),
		issued: perTarget("tokens_issued_total",
			"Vault tokens that the canary's scheduled logins returned, by type: service or batch.", "type"),
		revoked: perTarget("tokens_revoked_total",
			"Vault tokens of scheduled logins that the exporter revoked."),
		revokeFailures: perTarget("token_revoke_failures_total",
			"Vault tokens of scheduled logins that could not be revoked and live until their TTL ends."),
		tokensUnaccounted: perTarget("tokens_unaccounted_total",
			"Scheduled logins that never got a response; if Vault issued a token, it lives until its TTL ends."),
		followUps: perTarget("follow_ups_total",
			"Follow-up requests to Vault and Kubernetes that tell the causes of a failed scheduled login apart, by kind; none can return a token.", "kind"),
		skipped: perTarget("exporter_probes_skipped_total",
			"Ticks of the schedule that were skipped, since the target's last run was still going."),
		discarded: perTarget("exporter_runs_discarded_total",
			"Scheduled runs whose result was discarded and that were made again, since the exporter itself was frozen or starved meanwhile."),
		abandoned: perTarget("exporter_runs_abandoned_total",
			"Scheduled runs that did not return in their longest time, and no longer hold a slot."),
	}
}

func perTarget(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help},
		append([]string{"target"}, labels...))
}

func (c *counters) all() []*prometheus.CounterVec {
	return []*prometheus.CounterVec{
		c.probes, c.failures, c.reasons, c.issued, c.revoked, c.revokeFailures, c.tokensUnaccounted, c.followUps, c.skipped,
		c.discarded, c.abandoned,
	}
}

func (c *counters) register(registry *prometheus.Registry) {
	for _, v := range c.all() {
		registry.MustRegister(v)
	}
}

// initialize sets a target's counters to 0, so that increase() sees the first event.
// There are too many reasons for that: each is absent until it occurs.
func (c *counters) initialize(target string) {
	for _, v := range []*prometheus.CounterVec{c.probes, c.revoked, c.revokeFailures, c.tokensUnaccounted, c.skipped, c.discarded, c.abandoned} {
		v.WithLabelValues(target)
	}
	for _, component := range diagnose.Components {
		c.failures.WithLabelValues(target, string(component))
	}
	for _, kind := range []string{"service", "batch"} {
		c.issued.WithLabelValues(target, kind)
	}
	for _, kind := range evidence.FollowUpKinds {
		c.followUps.WithLabelValues(target, kind)
	}
}

func (c *counters) remove(target string) {
	for _, v := range c.all() {
		v.DeletePartialMatch(prometheus.Labels{"target": target})
	}
}

func (c *counters) count(r probe.Result) {
	target, component := r.Target.Name, string(r.Diagnosis.Component())
	c.probes.WithLabelValues(target).Inc()
	if !r.Healthy() {
		c.failures.WithLabelValues(target, component).Inc()
		c.reasons.WithLabelValues(target, component, string(r.Diagnosis.Reason)).Inc()
	}
	for _, kind := range r.FollowUps() {
		c.followUps.WithLabelValues(target, kind).Inc()
	}
}

func (c *counters) countToken(target string, event evidence.TokenEvent) {
	switch event {
	case evidence.IssuedService:
		c.issued.WithLabelValues(target, "service").Inc()
	case evidence.IssuedBatch:
		c.issued.WithLabelValues(target, "batch").Inc()
	case evidence.Revoked:
		c.revoked.WithLabelValues(target).Inc()
	case evidence.RevokeFailed:
		c.revokeFailures.WithLabelValues(target).Inc()
	case evidence.Unaccounted:
		c.tokensUnaccounted.WithLabelValues(target).Inc()
	}
}

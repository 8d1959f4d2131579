package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// counters holds what is counted per target.
type counters struct {
	probes, failures, reasons                          *prometheus.CounterVec
	issued, revoked, revokeFailures, tokensUnaccounted *prometheus.CounterVec
	followUps, skipped                                 *prometheus.CounterVec
}

func newCounters() counters {
	return counters{
		probes: perTarget("probes_total",
			"Scheduled runs that completed."),
		failures: perTarget("probe_failures_total",
			"Scheduled runs with another verdict than healthy, by which component owns it.", "component"),
		reasons: perTarget("probe_failure_reasons_total",
			"Scheduled runs with another verdict than healthy, by reason; from the first run with that reason on.", "component", "reason"),
		issued: perTarget("tokens_issued_total",
			"Vault tokens that the canary's scheduled logins brought, by type: service or batch.", "type"),
		revoked: perTarget("tokens_revoked_total",
			"Vault tokens of scheduled logins that the exporter revoked after use."),
		revokeFailures: perTarget("token_revoke_failures_total",
			"Vault tokens of scheduled logins that could not be revoked and live until their TTL ends."),
		tokensUnaccounted: perTarget("tokens_unaccounted_total",
			"Scheduled logins that were sent and never heard of again; a token that one brought lives until its TTL ends."),
		followUps: perTarget("follow_ups_total",
			"Extra questions asked after a failed scheduled login to tell its causes apart, by kind; none can bring a token.", "kind"),
		skipped: perTarget("exporter_probes_skipped_total",
			"Ticks of the schedule that found the target's last run still going."),
	}
}

func perTarget(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help},
		append([]string{"target"}, labels...))
}

func (c *counters) all() []*prometheus.CounterVec {
	return []*prometheus.CounterVec{
		c.probes, c.failures, c.reasons, c.issued, c.revoked, c.revokeFailures, c.tokensUnaccounted, c.followUps, c.skipped,
	}
}

func (c *counters) register(registry *prometheus.Registry) {
	for _, v := range c.all() {
		registry.MustRegister(v)
	}
}

// begin makes a target's counters start at 0, so that the first increase is seen.
// Reasons are too many for that: they begin when they occur.
func (c *counters) begin(target string) {
	for _, v := range []*prometheus.CounterVec{c.probes, c.revoked, c.revokeFailures, c.tokensUnaccounted, c.skipped} {
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

func (c *counters) forget(target string) {
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

package metrics

import (
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
)

// targetMetric is a metric that a target keeps for as long as it is configured: its
// samples do not become stale. collect is a pure function.
type targetMetric struct {
	*family
	collect func(t probe.TargetState, emit emitTarget)
}

type emitTarget func(value float64, labels ...string)

var targetMetrics = []targetMetric{
	{
		gauge("target_info", "Always 1: the configuration of the target.", "vault_addr", "vault_namespace", "mount", "role", "kubernetes_host", "reviewer"),
		func(t probe.TargetState, emit emitTarget) {
			c := t.Target
			emit(1, c.Vault.Addr, c.Vault.Namespace, c.Vault.Mount, c.Vault.Role, c.Kubernetes.Host, string(c.Reviewer.Source))
		},
	},
	{
		gauge("target_interval_seconds", "Time from one scheduled run to the next, in seconds."),
		func(t probe.TargetState, emit emitTarget) { emit(t.Target.Interval.Seconds()) },
	},
	{
		gauge("last_probe_timestamp_seconds", "When the latest completed run began, as a Unix time in seconds."+cached),
		func(t probe.TargetState, emit emitTarget) {
			if t.Latest != nil {
				emitTime(emit, t.Latest.Start)
			}
		},
	},
	{
		gauge("last_success_timestamp_seconds", "When the latest healthy run began, as a Unix time in seconds."+cached),
		func(t probe.TargetState, emit emitTarget) { emitTime(emit, t.LastSuccess) },
	},
	{
		gauge("last_failure_timestamp_seconds", "When the latest run that was not healthy began, as a Unix time in seconds."+cached),
		func(t probe.TargetState, emit emitTarget) { emitTime(emit, t.LastFailure.Start) },
	},
	{
		gauge("last_failure_info", "Always 1: the latest verdict that was not healthy; it stays after recovery."+cached, "reason", "component"),
		func(t probe.TargetState, emit emitTarget) {
			if !t.LastFailure.Start.IsZero() {
				emit(1, string(t.LastFailure.Reason), string(t.LastFailure.Reason.Component()))
			}
		},
	},
	{
		gauge("token_issued_timestamp_seconds", "When a token was issued, as a Unix time in seconds; last known."+cached, "token"),
		func(t probe.TargetState, emit emitTarget) {
			emitTime(emit, t.ReviewerToken.Begin, "reviewer")
			emitTime(emit, t.CanaryToken.Begin, "canary")
			emitTime(emit, t.VaultToken.Begin, "vault")
		},
	},
	{
		gauge("token_expiry_timestamp_seconds", "When a token expires, as a Unix time in seconds; last known, absent if it never does."+cached, "token"),
		func(t probe.TargetState, emit emitTarget) {
			emitTime(emit, t.ReviewerToken.End, "reviewer")
			emitTime(emit, t.CanaryToken.End, "canary")
			emitTime(emit, t.VaultToken.End, "vault")
		},
	},
	{
		gauge("certificate_not_before_timestamp_seconds", "When the validity of the certificate that expires first began, as a Unix time in seconds; last verified."+cached, "server"),
		func(t probe.TargetState, emit emitTarget) {
			emitTime(emit, t.KubernetesCertificate.Begin, "kubernetes")
			emitTime(emit, t.VaultCertificate.Begin, "vault")
			emitTime(emit, t.MountCA.Begin, "mount_ca")
			emitTime(emit, t.ClientCertificate.Begin, "client")
		},
	},
	{
		gauge("certificate_expiry_timestamp_seconds", "When the certificate of a server's verified chain that expires first does, as a Unix time in seconds; last verified."+cached, "server"),
		func(t probe.TargetState, emit emitTarget) {
			emitTime(emit, t.KubernetesCertificate.End, "kubernetes")
			emitTime(emit, t.VaultCertificate.End, "vault")
			emitTime(emit, t.MountCA.End, "mount_ca")
			emitTime(emit, t.ClientCertificate.End, "client")
		},
	},
	{
		gauge("server_info", "Always 1: the version that a server reports; last known."+cached, "server", "version"),
		func(t probe.TargetState, emit emitTarget) {
			if t.VaultVersion != "" {
				emit(1, "vault", t.VaultVersion)
			}
		},
	},
}

// emitTime emits no sample for the zero time, which is not known.
func emitTime(emit emitTarget, at time.Time, labels ...string) {
	if !at.IsZero() {
		emit(unix(at), labels...)
	}
}

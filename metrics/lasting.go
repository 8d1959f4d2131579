package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
)

// lasting is a metric that is told for as long as the target is configured: what
// it says stays true however long ago it was seen.
type lasting struct {
	desc *prometheus.Desc
	of   func(k probe.TargetState, say told)
}

type told func(value float64, labels ...string)

var lastings = []lasting{
	{
		describe("target_interval_seconds", "Time from one scheduled run to the next, in seconds."),
		func(k probe.TargetState, say told) { say(k.Target.Interval.Seconds()) },
	},
	{
		describe("last_probe_timestamp_seconds", "When the latest completed run began, as a Unix time in seconds."+cached),
		func(k probe.TargetState, say told) {
			if k.Latest != nil {
				sayTime(say, k.Latest.Start)
			}
		},
	},
	{
		describe("last_success_timestamp_seconds", "When the latest run after which pods could log in began, as a Unix time in seconds."+cached),
		func(k probe.TargetState, say told) { sayTime(say, k.LastSuccess) },
	},
	{
		describe("last_failure_timestamp_seconds", "When the latest run with another verdict than healthy began, as a Unix time in seconds."+cached),
		func(k probe.TargetState, say told) { sayTime(say, k.LastFailure.Start) },
	},
	{
		describe("last_failure_info", "Always 1: the latest verdict other than healthy, kept after recovery."+cached, "reason", "component"),
		func(k probe.TargetState, say told) {
			if !k.LastFailure.Start.IsZero() {
				say(1, string(k.LastFailure.Reason), string(k.LastFailure.Reason.Component()))
			}
		},
	},
	{
		describe("token_issued_timestamp_seconds", "When a token's life began, as a Unix time in seconds; last known."+cached, "token"),
		func(k probe.TargetState, say told) {
			sayTime(say, k.ReviewerToken.Begin, "reviewer")
			sayTime(say, k.CanaryToken.Begin, "canary")
			sayTime(say, k.VaultToken.Begin, "vault")
		},
	},
	{
		describe("token_expiry_timestamp_seconds", "When a token expires, as a Unix time in seconds; last known, absent where it never does."+cached, "token"),
		func(k probe.TargetState, say told) {
			sayTime(say, k.ReviewerToken.End, "reviewer")
			sayTime(say, k.CanaryToken.End, "canary")
			sayTime(say, k.VaultToken.End, "vault")
		},
	},
	{
		describe("certificate_not_before_timestamp_seconds", "When the life of a server's earliest certificate to expire began, as a Unix time in seconds; last verified."+cached, "server"),
		func(k probe.TargetState, say told) {
			sayTime(say, k.KubernetesCertificate.Begin, "kubernetes")
			sayTime(say, k.VaultCertificate.Begin, "vault")
			sayTime(say, k.MountCA.Begin, "mount_ca")
		},
	},
	{
		describe("certificate_expiry_timestamp_seconds", "When the first certificate of a server's verified chain expires, as a Unix time in seconds; last verified."+cached, "server"),
		func(k probe.TargetState, say told) {
			sayTime(say, k.KubernetesCertificate.End, "kubernetes")
			sayTime(say, k.VaultCertificate.End, "vault")
			sayTime(say, k.MountCA.End, "mount_ca")
		},
	},
	{
		describe("server_info", "Always 1: the version that a server names, last known."+cached, "server", "version"),
		func(k probe.TargetState, say told) {
			if k.VaultVersion != "" {
				say(1, "vault", k.VaultVersion)
			}
		},
	},
}

// sayTime says nothing of a time that is not known.
func sayTime(say told, t time.Time, labels ...string) {
	if !t.IsZero() {
		say(unix(t), labels...)
	}
}

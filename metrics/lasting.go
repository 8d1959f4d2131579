package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// lasting is a metric that is told for as long as the target is configured: what
// it says stays true however long ago it was seen.
type lasting struct {
	desc *prometheus.Desc
	of   func(s *state, say told)
}

type told func(value float64, labels ...string)

var lastings = []lasting{
	{
		describe("target_interval_seconds", "Time from one scheduled run to the next, in seconds."),
		func(s *state, say told) { say(s.target.Interval.Seconds()) },
	},
	{
		describe("last_probe_timestamp_seconds", "When the latest completed run began, as a Unix time in seconds."+cached),
		func(s *state, say told) { sayTime(say, s.lastProbe) },
	},
	{
		describe("last_success_timestamp_seconds", "When the latest run after which pods could log in began, as a Unix time in seconds."+cached),
		func(s *state, say told) { sayTime(say, s.lastSuccess) },
	},
	{
		describe("last_failure_timestamp_seconds", "When the latest run with another verdict than healthy began, as a Unix time in seconds."+cached),
		func(s *state, say told) { sayTime(say, s.lastFailure.at) },
	},
	{
		describe("last_failure_info", "Always 1: the latest verdict other than healthy, kept after recovery."+cached, "reason", "party"),
		func(s *state, say told) {
			if !s.lastFailure.at.IsZero() {
				say(1, string(s.lastFailure.reason), string(s.lastFailure.party))
			}
		},
	},
	{
		describe("token_issued_timestamp_seconds", "When a token's life began, as a Unix time in seconds; last known."+cached, "token"),
		func(s *state, say told) {
			sayTime(say, s.reviewer.begin, "reviewer")
			sayTime(say, s.canary.begin, "canary")
			sayTime(say, s.vault.begin, "vault")
		},
	},
	{
		describe("token_expiry_timestamp_seconds", "When a token expires, as a Unix time in seconds; last known, absent where it never does."+cached, "token"),
		func(s *state, say told) {
			sayTime(say, s.reviewer.end, "reviewer")
			sayTime(say, s.canary.end, "canary")
			sayTime(say, s.vault.end, "vault")
		},
	},
	{
		describe("certificate_not_before_timestamp_seconds", "When the life of a server's earliest certificate to expire began, as a Unix time in seconds; last verified."+cached, "server"),
		func(s *state, say told) {
			sayTime(say, s.kubernetesCertificate.begin, "kubernetes")
			sayTime(say, s.vaultCertificate.begin, "vault")
			sayTime(say, s.mountCA.begin, "mount_ca")
		},
	},
	{
		describe("certificate_expiry_timestamp_seconds", "When the first certificate of a server's verified chain expires, as a Unix time in seconds; last verified."+cached, "server"),
		func(s *state, say told) {
			sayTime(say, s.kubernetesCertificate.end, "kubernetes")
			sayTime(say, s.vaultCertificate.end, "vault")
			sayTime(say, s.mountCA.end, "mount_ca")
		},
	},
	{
		describe("server_info", "Always 1: the version that a server names, last known."+cached, "server", "version"),
		func(s *state, say told) {
			if s.vaultVersion != "" {
				say(1, "vault", s.vaultVersion)
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

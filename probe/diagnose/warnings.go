package diagnose

import (
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// WarningCode names a condition that does not keep pods from logging in today.
type WarningCode string

// The warnings.
const (
	ReviewerTokenExpiring             WarningCode = "reviewer_token_expiring"
	ReviewerTokenBoundToPod           WarningCode = "reviewer_token_bound_to_pod"
	ReviewerOverprivileged            WarningCode = "reviewer_overprivileged"
	ReviewerStaleCopy                 WarningCode = "reviewer_stale_copy"
	ReviewerNotChecked                WarningCode = "reviewer_not_checked"
	CanaryTokenTooWide                WarningCode = "canary_token_too_wide"
	CertificateExpiring               WarningCode = "certificate_expiring"
	MountCAMismatch                   WarningCode = "mount_ca_mismatch"
	MountHostDiffers                  WarningCode = "mount_host_differs"
	MountDrift                        WarningCode = "mount_drift"
	RoleTTLTooLong                    WarningCode = "role_ttl_too_long"
	TokenNotRevoked                   WarningCode = "token_not_revoked"
	KubernetesUnreachableFromExporter WarningCode = "kubernetes_unreachable_from_exporter"
	ClockSkew                         WarningCode = "clock_skew"
)

// WarningCodes lists every warning.
var WarningCodes = []WarningCode{
	ReviewerTokenExpiring, ReviewerTokenBoundToPod, ReviewerOverprivileged, ReviewerStaleCopy,
	ReviewerNotChecked, CanaryTokenTooWide,
	CertificateExpiring, MountCAMismatch, MountHostDiffers, MountDrift, RoleTTLTooLong, TokenNotRevoked, KubernetesUnreachableFromExporter, ClockSkew,
}

// Warning is one condition as one run judged it. A condition that could not be
// judged has no Warning at all.
type Warning struct {
	Code   WarningCode
	Raised bool
	// Detail is one sentence with the target's own names; empty where not raised.
	Detail string
	// Fix lists the lines that mend it; empty where not raised.
	Fix []string
}

// Thresholds of the warnings.
const (
	longTTL = 15 * time.Minute
	// muchSkew is half of the leeway that tokens are allowed.
	muchSkew = 30 * time.Second
	// longNotice is what "expiring" means for what lives for months; for the rest it
	// is a tenth of its life.
	longNotice = 14 * 24 * time.Hour
)

// warn judges every warning that the evidence allows a judgement on. Like
// [Diagnose] it is pure.
func Warnings(t evidence.Target, e evidence.Evidence) []Warning {
	var warnings []Warning
	for _, judge := range []func(evidence.Target, evidence.Evidence) (Warning, bool){
		warnReviewerExpiring, warnReviewerBound, warnReviewerPowers, warnReviewerStale, warnReviewerUnchecked, warnCanaryWide,
		warnCertificate, warnMountCA, warnMountHost, warnMountDrift, warnRoleTTL, warnNotRevoked, warnKubernetesUnreachable, warnClock,
	} {
		if w, judged := judge(t, e); judged {
			w.Fix = aimed(t, w.Fix)
			warnings = append(warnings, w)
		}
	}
	return warnings
}

// raise gives a warning its words only where it holds.
func raise(code WarningCode, holds bool, detail string, fix ...string) (Warning, bool) {
	if !holds {
		return Warning{Code: code}, true
	}
	return Warning{Code: code, Raised: true, Detail: detail, Fix: fix}, true
}

func unjudged() (Warning, bool) { return Warning{}, false }

// expiring reports whether less than min(14 days, 10 % of its life) is left. What
// does not expire never is; what does not say when it began gets no tenth.
func expiring(now, begin, end time.Time) bool {
	if end.IsZero() {
		return false
	}
	notice := longNotice
	if !begin.IsZero() {
		notice = min(notice, end.Sub(begin)/10)
	}
	return end.Sub(now) < notice
}

package probe

import (
	"fmt"
	"time"
)

// WarningCode names a condition that does not keep pods from logging in today.
type WarningCode string

// The warnings.
const (
	ReviewerTokenExpiring             WarningCode = "reviewer_token_expiring"
	ReviewerTokenBoundToPod           WarningCode = "reviewer_token_bound_to_pod"
	ReviewerStaleCopy                 WarningCode = "reviewer_stale_copy"
	CanaryTokenTooWide                WarningCode = "canary_token_too_wide"
	CertificateExpiring               WarningCode = "certificate_expiring"
	RoleTTLTooLong                    WarningCode = "role_ttl_too_long"
	TokenNotRevoked                   WarningCode = "token_not_revoked"
	KubernetesUnreachableFromExporter WarningCode = "kubernetes_unreachable_from_exporter"
	ClockSkew                         WarningCode = "clock_skew"
)

// WarningCodes lists every warning.
var WarningCodes = []WarningCode{
	ReviewerTokenExpiring, ReviewerTokenBoundToPod, ReviewerStaleCopy, CanaryTokenTooWide, CertificateExpiring,
	RoleTTLTooLong, TokenNotRevoked, KubernetesUnreachableFromExporter, ClockSkew,
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
func warn(t Target, e Evidence) []Warning {
	var warnings []Warning
	for _, judge := range []func(Target, Evidence) (Warning, bool){
		warnReviewerExpiring, warnReviewerBound, warnReviewerStale, warnCanaryWide, warnCertificate,
		warnRoleTTL, warnNotRevoked, warnKubernetesUnreachable, warnClock,
	} {
		if w, judged := judge(t, e); judged {
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

func warnReviewerExpiring(t Target, e Evidence) (Warning, bool) {
	c := e.ReviewerToken.Value
	if !e.ReviewerToken.Ok() || c.Opaque {
		return unjudged()
	}
	return raise(ReviewerTokenExpiring, expiring(e.At, issued(c), c.Expires),
		fmt.Sprintf("the token of the reviewer %s expires at %s", reviewerName(e), date(c.Expires)),
		adviseReviewerRenew(t, e)...)
}

func warnReviewerBound(t Target, e Evidence) (Warning, bool) {
	c := e.ReviewerToken.Value
	if !e.ReviewerToken.Ok() || c.Opaque {
		return unjudged()
	}
	return raise(ReviewerTokenBoundToPod, c.Pod != "",
		fmt.Sprintf("the token of the reviewer %s dies with the pod %s/%s", reviewerName(e), c.Namespace, c.Pod),
		adviseReviewerRenew(t, e)...)
}

// warnReviewerStale tells a copy that is dead from a reviewer that is: logins work,
// so Vault holds a better one.
func warnReviewerStale(t Target, e Evidence) (Warning, bool) {
	v, known := firstReviewerVerdict(t, e)
	if !e.Login.Ok() || !known || v.Party() != PartyReviewer && v.Reason != None {
		return unjudged()
	}
	return raise(ReviewerStaleCopy, v.Reason != None,
		"logins work, so Vault holds a better reviewer token than the exporter: "+v.Detail, adviseReviewerFile(t, e)...)
}

// warnCanaryWide raises where the canary's token opens the API server too: it
// shares an audience with a reviewer that the API server has just accepted.
func warnCanaryWide(t Target, e Evidence) (Warning, bool) {
	reviewer, canary := e.ReviewerToken.Value, e.CanaryToken.Value
	if !e.CanaryToken.Ok() || !e.Review.Ok() || len(reviewer.Audiences) == 0 {
		return unjudged()
	}
	return raise(CanaryTokenTooWide, len(canary.Audiences) == 0 || overlap(canary.Audiences, reviewer.Audiences),
		fmt.Sprintf("the token of the canary %s is good at the API server too, not only at Vault", canaryName(e)),
		fmt.Sprintf("# project the token in %s with an audience of its own, such as vault", t.Canary.TokenFile))
}

func warnCertificate(_ Target, e Evidence) (Warning, bool) {
	var detail string
	judged := false
	for _, end := range []struct {
		name  string
		chain Chain
	}{{"the API server", e.KubernetesChain}, {"Vault", e.VaultChain}} {
		if end.chain.NotAfter.IsZero() {
			continue
		}
		judged = true
		if expiring(e.At, end.chain.NotBefore, end.chain.NotAfter) {
			detail = fmt.Sprintf("the certificate %s of %s expires at %s", end.chain.Subject, end.name, date(end.chain.NotAfter))
		}
	}
	if !judged {
		return unjudged()
	}
	return raise(CertificateExpiring, detail != "", detail, "# renew it, and have the server load it")
}

func warnRoleTTL(t Target, e Evidence) (Warning, bool) {
	if !e.Login.Ok() {
		return unjudged()
	}
	l := e.Login.Value
	return raise(RoleTTLTooLong, l.Type == "service" && l.TTL > longTTL,
		fmt.Sprintf("a token that is not revoked lives for %s", l.TTL),
		vaultCommand(t, "write", own(rolePath(t)), "token_ttl=60s", "token_max_ttl=60s"))
}

func warnNotRevoked(t Target, e Evidence) (Warning, bool) {
	if e.Revoke.State == NotAsked {
		return unjudged()
	}
	return raise(TokenNotRevoked, e.Revoke.Failed(),
		fmt.Sprintf("the token of the login could not be revoked and lives for %s: %s", e.Login.Value.TTL, e.Revoke.Failure.Error()),
		"# let the role keep the policy default, which permits revoke-self, or give it batch tokens:",
		vaultCommand(t, "write", own(rolePath(t)), "token_no_default_policy=false"))
}

func warnKubernetesUnreachable(t Target, e Evidence) (Warning, bool) {
	if !e.Login.Ok() || e.Review.State == NotAsked {
		return unjudged()
	}
	v, failed := kubernetesFailed(t, e)
	return raise(KubernetesUnreachableFromExporter, failed, "logins work, but the exporter gets no TokenReview: "+v.Detail,
		adviseKubernetesReach(t, e)...)
}

func warnClock(_ Target, e Evidence) (Warning, bool) {
	if !e.Health.Ok() {
		return unjudged()
	}
	skew := e.Health.Value.Skew
	return raise(ClockSkew, skew.Abs() > muchSkew,
		fmt.Sprintf("Vault's clock and the exporter's differ by %s", skew.Abs()), "chronyc tracking")
}

// issued is when a token's life began.
func issued(c Claims) time.Time {
	if c.IssuedAt.IsZero() {
		return c.NotBefore
	}
	return c.IssuedAt
}

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

package diagnose

import (
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// WarningCode names a condition that does not keep pods from logging in today. Each is
// declared beside its [WarningSpec], in the file of its component.
type WarningCode string

// Warning is one condition as one run judged it. A condition that could not be
// judged has no Warning at all.
type Warning struct {
	Code   WarningCode
	Raised bool
	// Detail is one sentence with the target's own names; empty where not raised.
	Detail string
	// Advice is empty where not raised.
	Advice
}

// finding is what a judge found.
type finding struct {
	holds  bool
	detail string
	advice Advice
}

// unjudged is the answer of a judge whose evidence does not tell.
func unjudged() (finding, bool) { return finding{}, false }

// Warnings judges every warning that the evidence allows a judgement on. Like
// [Diagnose] it is pure.
func Warnings(t evidence.Target, e evidence.Evidence) []Warning {
	var warnings []Warning
	for _, s := range WarningSpecs() {
		f, judged := s.judge(t, e)
		switch {
		case judged && f.holds:
			warnings = append(warnings, Warning{Code: s.Code, Raised: true, Detail: f.detail, Advice: f.advice.at(t)})
		case judged:
			warnings = append(warnings, Warning{Code: s.Code})
		}
	}
	return warnings
}

// longNotice is what "expiring" means for what lasts for months; for the rest it is a
// tenth of its validity.
const longNotice = 14 * 24 * time.Hour

// expiring reports whether less than min(14 days, 10 % of its validity) is left. What
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

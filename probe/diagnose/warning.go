package diagnose

import (
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// WarningCode identifies a problem that does not yet keep pods from logging in. Each is
// declared next to its [WarningSpec], in the file of its component.
type WarningCode string

// Warning says whether a run raises a warning. There is no Warning for a condition that the
// run could not judge.
type Warning struct {
	Code   WarningCode
	Raised bool
	// Detail is one sentence about this target; empty if the warning is not raised.
	Detail string
	// Advice is empty if the warning is not raised.
	Advice
}

// finding is the result of a judge. A judge says and advises nothing if its condition does not
// hold, as in most runs.
type finding struct {
	holds  bool
	detail string
	advice Advice
}

// unjudged is the result of a judge if the evidence does not show whether the condition
// holds.
func unjudged() (finding, bool) { return finding{}, false }

// Warnings returns a Warning for every condition that the evidence allows to judge. It is a
// pure function.
func Warnings(t evidence.Target, e evidence.Evidence) []Warning {
	var warnings []Warning
	for _, s := range WarningSpecs() {
		f, judged := s.judge(t, e)
		switch {
		case judged && f.holds:
			f.advice.Notes = append(f.advice.Notes, sharedWrites(t, f.advice.Fix)...)
			warnings = append(warnings, Warning{Code: s.Code, Raised: true, Detail: f.detail, Advice: f.advice.at(t, e)})
		case judged:
			warnings = append(warnings, Warning{Code: s.Code})
		}
	}
	return warnings
}

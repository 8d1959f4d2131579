package probe_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"vault-k8s-auth-exporter/probe"
	"vault-k8s-auth-exporter/probe/probetest"
)

func TestScenarios(t *testing.T) {
	for _, s := range probetest.Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			w := probetest.NewWorld(t)
			result := w.Play(s)
			got := result.Diagnosis

			if got.Reason != s.Reason {
				t.Errorf("reason = %s (%s), want %s", got.Reason, got.Detail, s.Reason)
			}
			if want := cmp.Or(s.Certainty, probe.Proven); got.Certainty != want {
				t.Errorf("certainty = %s, want %s", got.Certainty, want)
			}
			if got.Reviewer.Reason != s.Reviewer {
				t.Errorf("reviewer's reason = %q (%s), want %q", got.Reviewer.Reason, got.Reviewer.Detail, s.Reviewer)
			}
			var raised []probe.WarningCode
			for _, warning := range result.Raised() {
				raised = append(raised, warning.Code)
			}
			if !slices.Equal(raised, s.Warnings) {
				t.Errorf("warnings = %v, want %v", raised, s.Warnings)
			}
			if got.Detail == "" || got.Reason != probe.None && (len(got.Fix) == 0 || len(got.Because) == 0) {
				t.Errorf("the verdict is not explained: %+v", got.Verdict)
			}
			printed := fmt.Sprintf("%+v\n%#v\n%v", result, result, result.Steps())
			if leaks := probetest.Leaks(printed, w.Credentials()...); len(leaks) > 0 {
				t.Errorf("the result holds %q: %s", leaks, around(printed, leaks[0]))
			}
		})
	}
}

func TestEveryReasonAndWarningHasAScenario(t *testing.T) {
	scenarios := probetest.Scenarios()
	for _, reason := range probe.Reasons() {
		has := slices.ContainsFunc(scenarios, func(s probetest.Scenario) bool {
			return s.Reason == reason && strings.HasPrefix(s.Name, string(reason))
		})
		if !has {
			t.Errorf("no scenario for the reason %s", reason)
		}
	}
	for _, code := range probe.WarningCodes {
		if !slices.ContainsFunc(scenarios, func(s probetest.Scenario) bool { return slices.Contains(s.Warnings, code) }) {
			t.Errorf("no scenario for the warning %s", code)
		}
	}
}

// around is what stands beside a part of a text.
func around(text, part string) string {
	i := strings.Index(text, part)
	return text[max(0, i-80):min(len(text), i+80)]
}

package probe_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// playAt plays a scenario with a Vault of this dialect, unless the scenario sets another,
// and checks the result.
func playAt(t *testing.T, server probetest.Dialect, s probetest.Scenario, complete bool, want probetest.Verdict) {
	t.Helper()
	w := probetest.NewWorld(t)
	w.Vault.Change(func(v *probetest.Vault) { v.Dialect = server })
	result := w.Play(s, complete)
	got := result.Diagnosis
	if got.Reason != want.Reason || got.Certainty != want.Certainty {
		t.Errorf("verdict = %s, %s (%s), want %s, %s", got.Reason, got.Certainty, got.Detail, want.Reason, want.Certainty)
	}
	if got.Component() == diagnose.ComponentReviewer && !isAboutVaultsToken(got) && got.Reviewer.Reason != got.Reason {
		t.Errorf("the reviewer's own reason is %q, want %q", got.Reviewer.Reason, got.Reason)
	}
	checkWarnings(t, result, want)
	if got.Detail == "" || got.Reason != diagnose.None && (got.Advice.IsEmpty() || len(got.Because) == 0) {
		t.Errorf("the verdict is not explained: %+v", got.Verdict)
	}
	printed := fmt.Sprintf("%+v\n%#v\n%v", result, result, result.Steps())
	if leaks := probetest.Leaks(printed, w.Credentials()...); len(leaks) > 0 {
		t.Errorf("the result holds %q: %s", leaks, around(printed, leaks[0]))
	}
}

// isAboutVaultsToken reports whether a verdict is about the reviewer token that Vault has
// stored: the exporter's copy works, or the exporter has no answer about it.
func isAboutVaultsToken(d diagnose.Diagnosis) bool {
	unheard := d.Reviewer.Reason == diagnose.ReviewerTokenMissing || d.Reviewer.Component() == diagnose.ComponentKubernetes
	return d.Reason == diagnose.ReviewerDrift || d.Reason == diagnose.ReviewerUnauthorized && unheard
}

// checkWarnings checks that the wanted warning is raised, and none at all in a healthy world.
func checkWarnings(t *testing.T, result probe.Result, want probetest.Verdict) {
	t.Helper()
	var raised []diagnose.WarningCode
	for _, warning := range result.Raised() {
		raised = append(raised, warning.Code)
	}
	healthy := want.Reason == diagnose.None && want.Warning == ""
	if want.Warning != "" && !slices.Contains(raised, want.Warning) || healthy && len(raised) > 0 {
		t.Errorf("warnings = %v, want %q", raised, want.Warning)
	}
}

func TestEveryFaultOfTheLabHasAScenario(t *testing.T) {
	scenarios := probetest.Scenarios()
	for _, fault := range lab.Faults() {
		if !slices.ContainsFunc(scenarios, func(s probetest.Scenario) bool { return s.Name == fault.Name }) {
			t.Errorf("no scenario is called %s", fault.Name)
		}
	}
}

// around returns the surroundings of a part of a text.
func around(text, part string) string {
	i := strings.Index(text, part)
	return text[max(0, i-80):min(len(text), i+80)]
}

package probe_test

import (
	"fmt"
	"regexp"
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
	w.Vault.Change(func(v *probetest.Vault) { server = v.Dialect }) // the scenario may have set another
	checkCLI(t, server, result)
	printed := fmt.Sprintf("%+v\n%#v\n%v", result, result, result.Steps())
	if leaks := probetest.Leaks(printed, w.Credentials()...); len(leaks) > 0 {
		t.Errorf("the result holds %q: %s", leaks, around(printed, leaks[0]))
	}
}

// runsCLI matches a subcommand of the CLI of Vault or OpenBao.
var runsCLI = regexp.MustCompile(`\b(vault|bao) (?:read|write|list|delete|status|token|operator|auth|policy|namespace|login|audit|monitor)\b`)

// setsVariable matches the variables that tell the CLI which server to use.
var setsVariable = regexp.MustCompile(`\b(VAULT|BAO)_(?:ADDR|NAMESPACE|TLS_SERVER_NAME)\b`)

// checkCLI checks that all advice is for the CLI of the server that was found.
func checkCLI(t *testing.T, server probetest.Dialect, result probe.Result) {
	t.Helper()
	want := "vault"
	if server == probetest.OpenBao && result.Evidence.Health.Ok() {
		want = "bao"
	}
	all := []diagnose.Advice{result.Diagnosis.Advice, result.Diagnosis.Reviewer.Advice}
	for _, warning := range result.Raised() {
		all = append(all, warning.Advice)
	}
	for _, a := range all {
		for _, line := range slices.Concat(a.CheckLines(), a.Fix, a.Notes) {
			for _, found := range slices.Concat(runsCLI.FindAllStringSubmatch(line, -1), setsVariable.FindAllStringSubmatch(line, -1)) {
				if strings.ToLower(found[1]) != want && !strings.HasPrefix(line, "bao namespace unseal") {
					t.Errorf("the advice runs %s, want %s: %s", found[0], want, line)
				}
			}
		}
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

package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// fleet is 200 targets: 60 behind a sealed Vault, one whose role is missing, one whose canary has
// expired, and the others healthy, one of them with a warning.
func fleet() []probe.Result {
	start := time.Now() // the gauges of older runs are withdrawn
	var results []probe.Result
	for i := range 200 {
		r := probe.Result{
			Target: evidence.Target{
				Name: fmt.Sprintf("prod/team-%03d", i), Interval: time.Minute, Labels: map[string]string{"team": fmt.Sprintf("t%d", i%3)},
				Vault:      evidence.Vault{Addr: "https://vault-eu.example.com", Mount: fmt.Sprintf("k8s/team-%03d", i), Role: "canary"},
				Kubernetes: evidence.Kubernetes{Host: fmt.Sprintf("https://api-%03d.example.com", i)},
			},
			Start: start, Since: start, Duration: 20 * time.Millisecond,
			Diagnosis: diagnose.Diagnosis{Verdict: diagnose.Verdict{Reason: diagnose.None, Certainty: diagnose.Proven, Detail: "the canary logged in"}},
		}
		failed := func(reason diagnose.Reason, detail, fix string) {
			r.Diagnosis.Verdict = diagnose.Verdict{Reason: reason, Certainty: diagnose.Proven, Detail: detail, Advice: diagnose.Advice{Fix: []string{fix}}}
		}
		switch {
		case i < 60:
			r.Target.Vault.Addr = "https://vault-us.example.com"
			failed(diagnose.VaultSealed, "Vault is sealed", "vault operator unseal")
		case i == 70:
			failed(diagnose.RoleMissing, "there is no role canary", "vault write auth/k8s/team-070/role/canary")
		case i == 80:
			failed(diagnose.CanaryExpired, "the canary's token has expired", "kubectl delete pod")
		case i == 90:
			r.Warnings = []diagnose.Warning{{Code: diagnose.ReviewerTokenExpiring, Raised: true, Detail: "soon"}}
		}
		results = append(results, r)
	}
	return results
}

func TestReportOfManyTargets(t *testing.T) {
	for _, test := range []struct {
		name   string
		detail verbosity
		lines  int // at most
	}{{"check-many", whatIsBroken, 230}, {"check-quiet", summaryOnly, 1}} {
		var out bytes.Buffer
		if err := textReport(status.Links{}, test.detail)(&out, fleet()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(out.String(), "\n"); got > test.lines {
			t.Errorf("%s: %d lines, want at most %d", test.name, got, test.lines)
		}
		golden(t, test.name+".golden", out.Bytes())
	}
}

func TestVerboseReportHasEveryTarget(t *testing.T) {
	var out bytes.Buffer
	if err := textReport(status.Links{}, everything)(&out, fleet()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(out.String(), "  why    "); got != 200 {
		t.Errorf("%d targets are printed in full, want 200", got)
	}
}

func TestReportOfOneTargetHasNoSummary(t *testing.T) {
	var out bytes.Buffer
	if err := textReport(status.Links{}, whatIsBroken)(&out, fleet()[:1]); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "prod/team-000: UNHEALTHY") {
		t.Errorf("the report begins with something else:\n%s", out.String())
	}
}

func TestJUnitReport(t *testing.T) {
	var out bytes.Buffer
	if err := writeJUnit(&out, status.Links{}, fleet()); err != nil {
		t.Fatal(err)
	}
	var suite junitSuite
	if err := xml.Unmarshal(out.Bytes(), &suite); err != nil {
		t.Fatal(err)
	}
	if suite.Tests != 200 || suite.Failures != 61 || suite.Errors != 1 || len(suite.Cases) != 200 {
		t.Errorf("%d tests, %d failures, %d errors, %d cases", suite.Tests, suite.Failures, suite.Errors, len(suite.Cases))
	}
	sealed, expired, healthy := suite.Cases[0], suite.Cases[80], suite.Cases[199]
	if sealed.Failure == nil || sealed.Failure.Type != "vault_sealed" || !strings.Contains(sealed.Failure.Text, "vault operator unseal") {
		t.Errorf("a sealed Vault: %+v", sealed.Failure)
	}
	if expired.Failure != nil || expired.Error == nil || expired.Error.Type != "canary_expired" {
		t.Errorf("an expired canary: %+v", expired)
	}
	if healthy.Failure != nil || healthy.Error != nil || healthy.Name != "prod/team-199" || healthy.Time != "0.020" {
		t.Errorf("a healthy target: %+v", healthy)
	}
}

func TestExposition(t *testing.T) {
	var out bytes.Buffer
	if err := exposition(&out, nil, fleet()); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`vault_k8s_auth_up{target="prod/team-000"} 0`, `vault_k8s_auth_up{target="prod/team-199"} 1`,
		`reason="vault_sealed"`, "# TYPE vault_k8s_auth_up gauge",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("there is no %s", line)
		}
	}
	for _, line := range []string{"counter", "go_", "process_", `vault_k8s_auth_up{target="prod/team-080"}`} {
		if strings.Contains(out.String(), line) {
			t.Errorf("there is %s", line)
		}
	}
}

func TestSelection(t *testing.T) {
	var targets []evidence.Target
	for _, r := range fleet() {
		targets = append(targets, r.Target)
	}
	for name, test := range map[string]struct {
		selection selection
		selected  int
		err       string
	}{
		"all":                    {selection{}, 200, ""},
		"one":                    {selection{names: []string{"prod/team-001"}}, 1, ""},
		"a wildcard":             {selection{names: []string{"prod/*"}}, 200, ""},
		"a wildcard for a digit": {selection{names: []string{"*-00?"}}, 10, ""},
		"two that overlap":       {selection{names: []string{"*-00?", "prod/team-001"}}, 10, ""},
		"a label":                {selection{labels: []string{"team=t1"}}, 67, ""},
		"a label of any value":   {selection{labels: []string{"team=*"}}, 200, ""},
		"a name and a label":     {selection{names: []string{"*-00?"}, labels: []string{"team=t0"}}, 4, ""},
		"no such target":         {selection{names: []string{"other", "prod/team-001"}}, 0, `--target "other" is not configured; the targets are: prod/team-000, `},
		"a part of a name":       {selection{names: []string{"team-001"}}, 0, "is not configured"},
		"no such label":          {selection{labels: []string{"team=x"}}, 0, "no target has --label team=x"},
		"no value":               {selection{labels: []string{"team"}}, 0, `--label "team" is not NAME=VALUE`},
		"dots are dots":          {selection{names: []string{"prod.team-001"}}, 0, "is not configured"},
	} {
		t.Run(name, func(t *testing.T) {
			selected, err := test.selection.from(targets)
			if test.err == "" && (err != nil || len(selected) != test.selected) {
				t.Errorf("%d targets, %v; want %d", len(selected), err, test.selected)
			}
			if test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v, want %q", err, test.err)
			}
		})
	}
}

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, 2)
	p.start = p.start.Add(-time.Minute)
	p.probed("a", time.Second)
	p.end()
	if out.Len() != 0 {
		t.Errorf("printed to what is no terminal: %q", out.String())
	}
	p.out = &out
	p.probed("b", 2*time.Second)
	if want := "\r\x1b[K2 of 2 targets probed, the slowest: b, 2.0 s"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
	out.Reset()
	p.end()
	if want := "\r\x1b[K"; out.String() != want {
		t.Errorf("the end prints %q, want %q, which removes the line", out.String(), want)
	}
}

// On a terminal nothing is wider than it, but commands, links and words that have no
// place to break.
func TestReportFitsTheTerminal(t *testing.T) {
	results := fleet()
	const fix = "vault write auth/kubernetes/config kubernetes_host=https://10.0.0.1:6443 disable_local_ca_jwt=true"
	for i := range results {
		if !results[i].Healthy() {
			results[i].Diagnosis.Detail = strings.Repeat("a cause that takes many words to explain, ", 8)
			results[i].Diagnosis.Notes = []string{strings.Repeat("and a note about it, ", 8)}
			results[i].Diagnosis.Fix = []string{fix}
		}
	}
	for _, screen := range []int{40, 60, 80, 100, 300} {
		for _, detail := range []verbosity{whatIsBroken, everything} {
			var out bytes.Buffer
			l := layout{colored: true, screen: screen}
			if err := writeColored(&out, l, status.Links{}, detail, results); err != nil {
				t.Fatal(err)
			}
			commands := 0
			for line := range strings.Lines(out.String()) {
				if strings.HasSuffix(line, fix+"\n") {
					commands++
				} else if !strings.HasPrefix(line, "  see ") && columns(strings.TrimSuffix(line, "\n")) > l.width() && len(strings.Fields(line)) > 1 {
					t.Errorf("%d columns: %s", screen, line)
				}
			}
			if commands == 0 {
				t.Errorf("%d columns: a command was broken", screen)
			}
		}
	}
}

// The line is there even while no target responds, and not after the end.
func TestProgressBeforeTheFirstTarget(t *testing.T) {
	var out bytes.Buffer
	p := &progress{out: &out, of: "targets probed", total: 2, start: time.Now()}
	p.show()
	p.start = p.start.Add(-time.Minute)
	p.show()
	p.end()
	p.show()
	if want := "\r\x1b[K0 of 2 targets probed\r\x1b[K"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}

func TestProgressFitsTheTerminal(t *testing.T) {
	var out bytes.Buffer
	p := &progress{out: &out, width: 30, of: "targets probed", total: 200}
	p.probed("prod/a-long-name-of-a-target", time.Second)
	if want := "\r\x1b[K1 of 200 targets probed, the"; !strings.HasPrefix(out.String(), want) || len(out.String()) != len("\r\x1b[K")+29 {
		t.Errorf("printed %q", out.String())
	}
}

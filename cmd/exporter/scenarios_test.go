package main

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/metrics"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// withSteps are the scenarios whose reports check.golden shows with their steps.
var withSteps = []string{"healthy", "vault_sealed", "reviewer_forbidden", "canary_expired", "kubernetes_timeout"}

// played is a scenario that was played.
type played struct {
	scenario probetest.Scenario
	complete bool
	result   probe.Result // normalized
}

func (p *played) name() string {
	if p.complete {
		return p.scenario.Name + "/full"
	}
	return p.scenario.Name + "/bare"
}

// TestScenarios plays the whole table once, holds every result and its metrics against
// the table, and every report against check.golden. The file can be read as a list of
// everything that the exporter says.
func TestScenarios(t *testing.T) {
	plays := playAll(t, probetest.HTTP2)
	t.Run("report", func(t *testing.T) { checkReports(t, plays) })
	t.Run("what ends", func(t *testing.T) { checkWhatEnds(t, plays) })
	t.Run("json", func(t *testing.T) { checkJSONReport(t, plays) })
	t.Run("colors", func(t *testing.T) { checkColors(t, plays) })
	for _, over := range []probetest.Protocol{probetest.HTTP1, probetest.VaultHTTP1} {
		checkSameReports(t, plays, playAll(t, over))
	}
}

// ended is what an error says of a server that ends its response: over HTTP/1.1 it closes
// the connection, over HTTP/2 it resets the stream.
var ended = regexp.MustCompile(`stream error: INTERNAL_ERROR; received from peer|(unexpected )?EOF`)

// checkSameReports requires the same report over other protocols.
func checkSameReports(t *testing.T, plays, others []*played) {
	t.Helper()
	for i, p := range plays {
		want, got := p.line(t), others[i].line(t)
		if diff := cmp.Diff(ended.ReplaceAllString(want, "EOF"), ended.ReplaceAllString(got, "EOF")); diff != "" {
			t.Errorf("%s (-HTTP/2 +other):\n%s", p.name(), diff)
		}
	}
}

// line is the report in one line, since texts of other lengths are wrapped elsewhere.
func (p *played) line(t *testing.T) string {
	t.Helper()
	var text bytes.Buffer
	if err := textReport(status.Links{}, whatIsBroken)(&text, []probe.Result{p.result}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

func playAll(t *testing.T, over probetest.Protocol) []*played {
	var plays []*played
	for _, s := range probetest.Scenarios() {
		if s.Bare.Reason != "" {
			plays = append(plays, &played{scenario: s})
		}
		if s.Full.Reason != "" {
			plays = append(plays, &played{scenario: s, complete: true})
		}
	}
	t.Run("play over "+string(over), func(t *testing.T) { // returns when all have been played
		for _, p := range plays {
			t.Run(p.name(), func(t *testing.T) {
				t.Parallel()
				p.play(t, over)
			})
		}
	})
	return plays
}

func (p *played) play(t *testing.T, over probetest.Protocol) {
	want := p.scenario.Bare
	if p.complete {
		want = p.scenario.Full
	}
	w := probetest.NewWorldOver(t, over)
	result := w.Play(p.scenario, p.complete)
	checkVerdict(t, result, want)
	checkMetrics(t, result)
	if over == probetest.HTTP2 {
		checkLessEvidence(t, result)
	}
	printed := fmt.Sprintf("%+v\n%#v\n%v", result, result, result.Steps())
	if leaks := probetest.Leaks(printed, w.Credentials()...); len(leaks) > 0 {
		i := strings.Index(printed, leaks[0])
		t.Errorf("the result contains %q: %s", leaks, printed[max(0, i-80):min(len(printed), i+80)])
	}
	p.result = normalize(result, w)
}

// isAboutVaultsToken reports whether a verdict is about the reviewer token that Vault has
// stored: the exporter's copy works, or the exporter has no answer about it.
func isAboutVaultsToken(d diagnose.Diagnosis) bool {
	unheard := d.Reviewer.Reason == diagnose.ReviewerTokenMissing || d.Reviewer.Component() == diagnose.ComponentKubernetes
	return d.Reason == diagnose.ReviewerDrift || d.Reason == diagnose.ReviewerUnauthorized && unheard
}

func checkVerdict(t *testing.T, result probe.Result, want probetest.Verdict) {
	t.Helper()
	d := result.Diagnosis
	if d.Reason != want.Reason || d.Certainty != want.Certainty {
		t.Errorf("verdict = %s, %s (%s), want %s, %s", d.Reason, d.Certainty, d.Detail, want.Reason, want.Certainty)
	}
	if d.Component() == diagnose.ComponentReviewer && !isAboutVaultsToken(d) && d.Reviewer.Reason != d.Reason {
		t.Errorf("the reviewer's own reason is %q, want %q", d.Reviewer.Reason, d.Reason)
	}
	if d.Reason.Backoff() && !result.Evidence.AsksForBackoff() {
		t.Errorf("%s asks for fewer requests, but the evidence does not show it: the run makes follow-ups", d.Reason)
	}
	if d.Detail == "" || d.Reason != diagnose.None && (d.Advice.IsEmpty() || len(d.Because) == 0) {
		t.Errorf("the verdict is not explained: %+v", d.Verdict)
	}
	var raised []diagnose.WarningCode
	for _, warning := range result.Raised() {
		raised = append(raised, warning.Code)
	}
	healthy := want.Reason == diagnose.None && want.Warning == ""
	if want.Warning != "" && !slices.Contains(raised, want.Warning) || healthy && len(raised) > 0 {
		t.Errorf("warnings = %v, want %q", raised, want.Warning)
	}
}

// checkMetrics holds the samples that carry verdicts and raised warnings against the
// result.
func checkMetrics(t *testing.T, result probe.Result) {
	t.Helper()
	const prefix = "vault_k8s_auth_"
	recorder := metrics.New([]evidence.Target{result.Target})
	recorder.Record(&result)
	text, err := testutil.GatherAndFormat(recorder, expfmt.TypeTextPlain,
		prefix+"up", prefix+"verdict_info", prefix+"reviewer_verdict_info", prefix+"warning")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") && !(strings.HasPrefix(line, prefix+"warning") && strings.HasSuffix(line, " 0\n")) {
			got = append(got, strings.TrimSpace(strings.TrimPrefix(line, prefix)))
		}
	}
	if diff := cmp.Diff(samplesOf(result), got); diff != "" {
		t.Errorf("samples (-result +metrics):\n%s", diff)
	}
}

// samplesOf are the samples that a result must have, in the order of the exposition.
func samplesOf(result probe.Result) []string {
	d, name := result.Diagnosis, result.Target.Name
	var samples []string
	if r := d.Reviewer.Reason; r != "" {
		samples = append(samples, fmt.Sprintf("reviewer_verdict_info{component=%q,reason=%q,target=%q} 1", r.Component(), r, name))
	}
	switch result.LoginStatus() {
	case diagnose.LoginsWork:
		samples = append(samples, fmt.Sprintf("up{target=%q} 1", name))
	case diagnose.LoginsFail:
		samples = append(samples, fmt.Sprintf("up{target=%q} 0", name))
	}
	samples = append(samples, fmt.Sprintf("verdict_info{certainty=%q,component=%q,reason=%q,target=%q} 1", d.Certainty, d.Component(), d.Reason, name))
	raised := make(map[diagnose.WarningCode]bool)
	for _, w := range result.Raised() {
		raised[w.Code] = true
	}
	for _, code := range slices.Sorted(maps.Keys(raised)) {
		samples = append(samples, fmt.Sprintf("warning{target=%q,warning=%q} 1", name, code))
	}
	return samples
}

// checkReports leaves out what differs from the bare evidence in nothing but its facts.
func checkReports(t *testing.T, plays []*played) {
	var reports strings.Builder
	for _, p := range plays {
		if p.complete && p.scenario.Full == p.scenario.Bare {
			continue
		}
		var text bytes.Buffer
		if err := textReport(status.Links{}, whatIsBroken)(&text, []probe.Result{p.result}); err != nil {
			t.Fatal(err)
		}
		checkWidth(t, p.name(), text.String())
		summary, rest, _ := strings.Cut(text.String(), "\n\n")
		steps, verdict, _ := strings.Cut(rest, "\n\n")
		checkHeadline(t, p, summary)
		fmt.Fprintf(&reports, "== %s\n\n%s\n\n", p.name(), summary)
		if !p.complete && slices.Contains(withSteps, p.scenario.Name) {
			fmt.Fprintf(&reports, "%s\n\n", steps)
		}
		fmt.Fprintf(&reports, "%s\n", verdict)
	}
	golden(t, "check.golden", []byte(reports.String()))
}

// checkWhatEnds holds the table of what ends against a golden file, of a few scenarios.
func checkWhatEnds(t *testing.T, plays []*played) {
	var tables strings.Builder
	for _, p := range plays {
		if !p.complete || !slices.Contains([]string{"healthy", "reviewer_token_bound_to_pod", "token_signing_key_rotated"}, p.scenario.Name) {
			continue
		}
		var text bytes.Buffer
		if err := textReport(status.Links{}, everything)(&text, []probe.Result{p.result}); err != nil {
			t.Fatal(err)
		}
		checkWidth(t, p.name(), text.String())
		_, table, _ := strings.Cut(text.String(), "\n  ends ")
		fmt.Fprintf(&tables, "== %s\n\n  ends %s\n", p.name(), table)
	}
	golden(t, "check.ends.golden", []byte(tables.String()))
}

// checkHeadline: check says the same as the metric up and the state on the page.
func checkHeadline(t *testing.T, p *played, got string) {
	t.Helper()
	want := map[diagnose.LoginStatus]string{
		diagnose.LoginsWork: "default: healthy, pods can log in", diagnose.LoginsFail: "default: UNHEALTHY, ", diagnose.LoginsUnknown: "default: NOT KNOWN, ",
	}[p.result.LoginStatus()]
	if !strings.HasPrefix(got, want) {
		t.Errorf("%s: the headline is %q, want %q", p.name(), got, want)
	}
}

// checkWidth: prose is wrapped, commands are not.
func checkWidth(t *testing.T, name, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		command := strings.HasPrefix(line, "  fix  ") || strings.HasPrefix(line, "  check  ") || strings.HasPrefix(line, "       ")
		first := strings.HasPrefix(line, "default: ")
		if utf8.RuneCountInString(line) > maxWidth && !command && !first && len(strings.Fields(line)) > 1 && strings.Contains(strings.TrimSpace(line[min(len(line), 41):]), " ") {
			t.Errorf("%s: a line has %d columns: %s", name, utf8.RuneCountInString(line), line)
		}
	}
}

// three are a healthy result, an unhealthy one, and one with a warning.
func three(plays []*played) (results []probe.Result) {
	for _, p := range plays {
		if !p.complete && slices.Contains([]string{"healthy", "reviewer_forbidden", "role_ttl_too_long"}, p.scenario.Name) {
			results = append(results, p.result)
		}
	}
	return results
}

func checkJSONReport(t *testing.T, plays []*played) {
	var out bytes.Buffer
	if err := (status.Links{}).WriteReport(&out, three(plays)); err != nil {
		t.Fatal(err)
	}
	golden(t, "check.json.golden", out.Bytes())
}

// Colors repeat what words say: without them the report is the plain one, with its
// lines wrapped at the same places.
func checkColors(t *testing.T, plays []*played) {
	var plainText, coloredText bytes.Buffer
	if writeColored(&plainText, layout{}, status.Links{}, everything, three(plays)) != nil || writeColored(&coloredText, layout{colored: true}, status.Links{}, everything, three(plays)) != nil {
		t.Fatal("writing to a buffer failed")
	}
	if diff := cmp.Diff(plainText.String(), escapeSequence.ReplaceAllString(coloredText.String(), "")); diff != "" {
		t.Errorf("without its colors the report differs (-plain +colored):\n%s", diff)
	}
	if strings.Contains(plainText.String(), "\x1b") || !strings.Contains(coloredText.String(), "\x1b[") {
		t.Error("the plain report has colors, or the colored one has none")
	}
}

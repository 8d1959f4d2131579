package docs_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

var update = flag.Bool("update", false, "write the generated parts anew")

// sample is the target whose names stand in the commands of docs/reasons.md.
var sample = evidence.Target{
	Name: "default",
	Vault: evidence.Vault{
		Addr: "https://vault.example.com:8200", CACert: "/etc/vault/ca.crt",
		Mount: "kubernetes", Role: "canary",
	},
	Kubernetes: evidence.Kubernetes{Host: "https://kubernetes.default.svc", CACert: "/etc/kubernetes/ca.crt"},
	Reviewer: evidence.Reviewer{
		Source: evidence.SourceFile, TokenFile: "/var/run/secrets/reviewer/token",
		ServiceAccount: evidence.ServiceAccount{Namespace: "vault", Name: "vault-auth"},
	},
	Canary: evidence.Canary{
		Source: evidence.SourceFile, TokenFile: "/var/run/secrets/canary/token",
		ServiceAccount: evidence.ServiceAccount{Namespace: "monitoring", Name: "canary"},
		Audiences:      []string{"vault"},
	},
}

// seen is the evidence of a run at the sample that no token could read the mount in.
var seen = evidence.Evidence{
	CanaryToken:   claims("monitoring", "canary", "vault"),
	ReviewerToken: claims("vault", "vault-auth", "https://kubernetes.default.svc"),
	OwnToken:      claims("monitoring", "vault-k8s-auth-exporter", "https://kubernetes.default.svc"),
}

func claims(namespace, account, audience string) evidence.Fact[evidence.Claims] {
	return evidence.Fact[evidence.Claims]{State: evidence.Answered, Value: evidence.Claims{
		Issuer:  "https://kubernetes.default.svc",
		Subject: "system:serviceaccount:" + namespace + ":" + account, Audiences: []string{audience},
		Namespace: namespace, ServiceAccount: account, UID: "3b241101-e2bb-4255-8caf-4136c566a962",
	}}
}

// TestGeneratedParts holds what the page repeats of the catalogue against it.
func TestGeneratedParts(t *testing.T) {
	page := read(t, "reasons.md")
	want := fill(t, page, "contents", contents())
	want = fill(t, want, "share", share())
	for _, reason := range diagnose.Reasons() {
		want = fill(t, want, string(reason), heading(reason))
		want = fill(t, want, string(reason)+" fix", commands(reason.Advice(sample, seen)))
	}
	if *update {
		if err := os.WriteFile("reasons.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(page, "\n")); diff != "" {
		t.Errorf("docs/reasons.md is stale (-program +page); go test ./docs -update writes it anew:\n%s", diff)
	}
}

// contents lists all reasons, by component.
func contents() string {
	var table strings.Builder
	table.WriteString("| component | reason | in a sentence |\n|---|---|---|\n")
	var last diagnose.Component
	for _, reason := range diagnose.Reasons() {
		component := ""
		if reason.Component() != last {
			component, last = "`"+string(reason.Component())+"`", reason.Component()
		}
		fmt.Fprintf(&table, "| %s | [`%s`](#%[2]s) | %s |\n", component, reason, reason.Title())
	}
	return table.String()
}

// share counts the verdicts that the end-to-end tests demand of the real servers.
func share() string {
	var faults, warnings int
	bare, full := map[string]int{}, map[string]int{}
	for _, f := range lab.Faults() {
		if f.Bare.Reason == string(diagnose.None) {
			warnings++
			continue
		}
		faults++
		for _, key := range []string{f.Bare.Certainty, f.Bare.Reason} {
			bare[key]++
		}
		for _, key := range []string{f.Full.Certainty, f.Full.Reason} {
			full[key]++
		}
	}
	row := func(what, key string) string {
		percent := func(n int) int { return (100*n + faults/2) / faults }
		return fmt.Sprintf("| %s | %d (%d %%) | %d (%d %%) |\n", what, bare[key], percent(bare[key]), full[key], percent(full[key]))
	}
	return fmt.Sprintf("%d faults that keep pods out, and %d that only warn.\n\n| | bare evidence | all optional evidence |\n|---|---|---|\n", faults, warnings) +
		row("proven", string(diagnose.Proven)) + row("by elimination", string(diagnose.ByElimination)) +
		row("of these `unexplained`", string(diagnose.Unexplained))
}

func heading(reason diagnose.Reason) string {
	return fmt.Sprintf("Component `%s`: %s.\n", reason.Component(), reason.Title())
}

func commands(lines []string) string {
	return "```sh\n" + strings.Join(lines, "\n") + "\n```\n"
}

// fill puts a text between the two marks of a generated part.
func fill(t *testing.T, page, name, text string) string {
	t.Helper()
	begin, end := "<!-- generated: "+name+" -->\n", "<!-- end -->\n"
	before, rest, found := strings.Cut(page, begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("docs/reasons.md has no generated part %q", name)
	}
	return before + begin + text + end + after
}

// A section's parts, each of which begins a paragraph and says something.
var (
	reasonParts  = []string{"**Means**", "**Seen**", "**Mended**", "**Reported**"}
	warningParts = []string{"**Means**", "**Seen**", "**Mended**"}
)

func TestEveryReasonAndWarningHasASection(t *testing.T) {
	sections, order := sectionsOf(read(t, "reasons.md"))
	var want []string
	for _, reason := range diagnose.Reasons() {
		want = append(want, string(reason))
		demand(t, string(reason), sections[string(reason)], reasonParts)
		if reason.Runbook() != "docs/reasons.md#"+string(reason) {
			t.Errorf("the runbook of %s is %s, which is not its section", reason, reason.Runbook())
		}
	}
	for _, code := range diagnose.WarningCodes {
		want = append(want, string(code))
		demand(t, string(code), sections[string(code)], warningParts)
	}
	got := slices.DeleteFunc(order, func(title string) bool { return strings.ContainsAny(title, " ") })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sections of docs/reasons.md (-program +page):\n%s", diff)
	}
}

// demand checks that a section's parts are there, in order, and none is empty.
func demand(t *testing.T, title, section string, parts []string) {
	t.Helper()
	written := regexp.MustCompile(`(?s)<!-- generated.*?<!-- end -->`).ReplaceAllString(section, "")
	for i, part := range parts {
		_, text, found := strings.Cut(written, "\n"+part)
		if i+1 < len(parts) {
			text, _, _ = strings.Cut(text, "\n"+parts[i+1])
		}
		if !found || strings.TrimSpace(text) == "" {
			t.Errorf("%s: the part %s is missing or empty", title, part)
		}
	}
	reported := strings.Contains(section, "https://") || strings.Contains(section, "No public report is known")
	if slices.Contains(parts, "**Reported**") && !reported {
		t.Errorf("%s: no report is named, nor that there is none", title)
	}
}

// sectionsOf splits a page at its second-level headings.
func sectionsOf(page string) (sections map[string]string, order []string) {
	sections = map[string]string{}
	for _, section := range strings.Split("\n"+page, "\n## ")[1:] {
		title, text, _ := strings.Cut(section, "\n")
		sections[title], order = text, append(order, title)
	}
	return sections, order
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

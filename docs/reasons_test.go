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
	Reviewer: evidence.Origin{
		Source: evidence.SourceFile, TokenFile: "/var/run/secrets/reviewer/token",
		ServiceAccount: evidence.ServiceAccount{Namespace: "vault", Name: "vault-auth"},
	},
	Canary: evidence.Origin{
		Source: evidence.SourceFile, TokenFile: "/var/run/secrets/canary/token",
		ServiceAccount: evidence.ServiceAccount{Namespace: "monitoring", Name: "canary"},
		Audiences:      []string{"vault"},
	},
	Pod: evidence.Pod{
		Namespace: "monitoring", Name: "vault-k8s-auth-exporter-0",
		Volumes: []evidence.Volume{
			{Path: "/etc/vault", Kind: evidence.KindConfigMap, Name: "vault-ca"},
			{Path: "/etc/kubernetes/ca.crt", Kind: evidence.KindConfigMap, Namespace: "default", Name: "kube-root-ca.crt"},
			{Path: "/var/run/secrets/reviewer", Kind: evidence.KindSecret, Name: "vault-auth-token"},
		},
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

// TestGeneratedParts holds what the pages repeat of the specs against them.
func TestGeneratedParts(t *testing.T) {
	generate(t, "reasons.md", map[string]string{"contents": contents(), "reasons": sectionsOf("reasons.md", reasonSections())})
	generate(t, "warnings.md", map[string]string{"contents": warningContents(), "warnings": sectionsOf("warnings.md", warningSections())})
	generate(t, "evidence.md", map[string]string{"share": share()})
	generate(t, "../README.md", map[string]string{"report": report(t, "reviewer_forbidden/bare")})
	for path, components := range map[string][]diagnose.Component{
		"runbooks/VaultK8sAuthLoginFailing.md": {
			diagnose.ComponentVault, diagnose.ComponentMount, diagnose.ComponentRole, diagnose.ComponentReviewer,
			diagnose.ComponentVaultToKubernetes, diagnose.ComponentKubernetes, diagnose.ComponentUnknown,
		},
		"runbooks/VaultK8sAuthReviewerFailing.md": {diagnose.ComponentReviewer},
		"runbooks/VaultK8sAuthCanaryFailing.md":   {diagnose.ComponentCanary, diagnose.ComponentExporter},
	} {
		generate(t, path, map[string]string{"reasons": reasonLinks(components)})
	}
	generate(t, "runbooks/VaultK8sAuthWarning.md", map[string]string{"warnings": warningLinks()})
}

// generate fills the generated parts of a page, or with -update writes them.
func generate(t *testing.T, path string, parts map[string]string) {
	t.Helper()
	page := read(t, path)
	want := page
	for name, text := range parts {
		want = fill(t, want, name, text)
	}
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(page, "\n")); diff != "" {
		t.Errorf("docs/%s is stale (-program +page); go test ./docs -update writes it:\n%s", path, diff)
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

// report is what exporter check prints in a scenario, as its own test holds it.
func report(t *testing.T, scenario string) string {
	t.Helper()
	_, text, found := strings.Cut(read(t, "../cmd/exporter/testdata/check.golden"), "== "+scenario+"\n\n")
	text, _, _ = strings.Cut(text, "\n== ")
	if !found {
		t.Fatalf("check.golden has no scenario %s", scenario)
	}
	return "```\n" + strings.TrimSpace(text) + "\n```\n"
}

// reasonLinks lists the reasons of some components, for a runbook.
func reasonLinks(components []diagnose.Component) string {
	var list strings.Builder
	for i, component := range components {
		if i > 0 {
			list.WriteString("\n")
		}
		fmt.Fprintf(&list, "`%s`:\n\n", component)
		for _, s := range diagnose.Specs() {
			if s.Component == component {
				fmt.Fprintf(&list, "- [%s](../reasons.md#%[1]s): %s\n", s.Code, s.Title)
			}
		}
	}
	return list.String()
}

func warningLinks() string {
	var list strings.Builder
	for _, s := range diagnose.WarningSpecs() {
		fmt.Fprintf(&list, "- [%s](../warnings.md#%[1]s): %s\n", s.Code, s.Title)
	}
	return list.String()
}

// warningContents lists all warnings, by component.
func warningContents() string {
	var table strings.Builder
	table.WriteString("| component | warning | in a sentence |\n|---|---|---|\n")
	var last diagnose.Component
	for _, s := range diagnose.WarningSpecs() {
		component := ""
		if s.Component != last {
			component, last = "`"+string(s.Component)+"`", s.Component
		}
		fmt.Fprintf(&table, "| %s | [`%s`](#%[2]s) | %s |\n", component, s.Code, s.Title)
	}
	return table.String()
}

// sectionsOf returns the text of a page's sections. A link to a section that is on the other
// page names that page.
func sectionsOf(page, sections string) string {
	return sectionLink.ReplaceAllStringFunc(sections, func(link string) string {
		name := sectionLink.FindStringSubmatch(link)[1]
		home := "reasons.md"
		if slices.Contains(diagnose.WarningCodes(), diagnose.WarningCode(name)) {
			home = "warnings.md"
		}
		if home == page {
			return link
		}
		return "](" + home + "#" + name + ")"
	})
}

var sectionLink = regexp.MustCompile(`\]\(#(\w+)\)`)

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
	return fmt.Sprintf("%d faults that keep pods out, and %d that only lead to a warning.\n\n| | bare evidence | all optional evidence |\n|---|---|---|\n", faults, warnings) +
		row("proven", string(diagnose.Proven)) + row("by elimination", string(diagnose.ByElimination)) +
		row("of these `unexplained`", string(diagnose.Unexplained))
}

func reasonSections() string {
	var text strings.Builder
	shown := map[string]diagnose.Reason{} // where commands are shown first
	for _, s := range diagnose.Specs() {
		advice := s.Code.Advice(sample, seen)
		fmt.Fprintf(&text, "\n## %s\nComponent `%s`: %s.\n", s.Code, s.Component, s.Title)
		items(&text, s.Means, s.Seen, s.Remedy, s.Reported, advice.Check)
		fix := strings.Join(withoutExport(advice.Fix), "\n")
		switch first, again := shown[fix]; {
		case fix == "":
		case again:
			fmt.Fprintf(&text, "- **Run** the commands of [`%s`](#%[1]s).\n", first)
		case len(strings.Split(fix, "\n")) == 1:
			fmt.Fprintf(&text, "- **Run**: `%s`\n", fix)
		default:
			fmt.Fprintf(&text, "\n```sh\n%s\n```\n", fix)
			shown[fix] = s.Code
		}
	}
	return text.String() + "\n"
}

func warningSections() string {
	var text strings.Builder
	for _, s := range diagnose.WarningSpecs() {
		fmt.Fprintf(&text, "\n## %s\nComponent `%s`: %s.\n", s.Code, s.Component, s.Title)
		items(&text, s.Means, s.Seen, s.Remedy, s.Reported, nil)
	}
	return text.String() + "\n"
}

// items are the sentences of a section. The command that points the shell at a Vault is
// explained once, at the top of the page.
func items(w *strings.Builder, means, seen, remedy, reported string, checks []diagnose.Check) {
	fmt.Fprintf(w, "- **Means**: %s\n- **Seen**: %s\n- **Fix**: %s\n", means, seen, remedy)
	var signs []string
	for _, c := range checks {
		if c.Shows != "" {
			signs = append(signs, "`"+c.Command+"` shows "+placeholder.ReplaceAllString(c.Shows, "`$0`"))
		}
	}
	if len(signs) > 0 {
		fmt.Fprintf(w, "- **Check**: %s\n", strings.Join(signs, "; "))
	}
	if reported != "" {
		fmt.Fprintf(w, "- **Reported**: %s\n", linked(reported))
	}
}

// placeholder would be read as HTML outside of code.
var placeholder = regexp.MustCompile("<[a-z-]+>")

func withoutExport(commands []string) []string {
	return slices.DeleteFunc(slices.Clone(commands), func(c string) bool { return strings.HasPrefix(c, "export ") })
}

var issue = regexp.MustCompile(`\b([\w.-]+/[\w.-]+)#(\d+)\b`)

// linked makes links of issues that are named as owner/repository#1.
func linked(text string) string {
	return issue.ReplaceAllString(text, "[$1#$2](https://github.com/$1/issues/$2)")
}

// fill puts a text between the two marks of a generated part.
func fill(t *testing.T, page, name, text string) string {
	t.Helper()
	begin, end := "<!-- generated: "+name+" -->\n", "<!-- end -->\n"
	before, rest, found := strings.Cut(page, begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("the page has no generated part %q", name)
	}
	return before + begin + text + end + after
}

func TestEveryReasonAndWarningHasASection(t *testing.T) {
	page, warnings := read(t, "reasons.md"), read(t, "warnings.md")
	for _, reason := range diagnose.Reasons() {
		anchor, found := strings.CutPrefix(reason.Runbook(), "docs/reasons.md#")
		if !found || !strings.Contains(page, "\n## "+anchor+"\n") {
			t.Errorf("the runbook of %s is %s, which is no section", reason, reason.Runbook())
		}
	}
	for _, code := range diagnose.WarningCodes() {
		if !strings.Contains(warnings, "\n## "+string(code)+"\n") {
			t.Errorf("the warning %s has no section", code)
		}
	}
	if lines := strings.Count(page, "\n"); lines >= 900 {
		t.Errorf("docs/reasons.md has %d lines, and shall stay below 900", lines)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

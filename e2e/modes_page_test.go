package e2e

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// The rendering of docs/modes.md.

const modesIntroduction = `# What is found in which mode

What the exporter says of each fault of the lab, for each value of ` + "`EXPORTER_REVIEWER`" + ` (see
[configuration.md](configuration.md#the-reviewer)), and what each kind of optional [evidence](evidence.md) adds. This page helps to
decide what to grant.

This page is written by ` + "`go test ./e2e -run Modes -update`" + `, from plays against fakes that agree with the lab.

`

const modesLegend = `
## How to read the tables

| in a cell | means |
|---|---|
| proven | the cause in the first column is named, and proven |
| likely | it is named, by elimination |
| candidates | ` + "`vault_to_kubernetes_failed` or `unexplained`" + `: the verdict names the causes that remain |
| another reason | that reason is named instead; with "likely" before it, by elimination |
| config: … | the same with a Vault token that may read the config and the role and look up entities (` + "`EXPORTER_VAULT_TOKEN_FILE`" + `) |
| role: … | with a diagnostic role (` + "`EXPORTER_VAULT_DIAGNOSTIC_ROLE`" + `) |
| identity: … | with an identity of the exporter's own that may create TokenReviews (` + "`EXPORTER_KUBERNETES_TOKEN_FILE`" + `, ` + "`reviewerReview`" + ` in the chart) |
| – | cannot happen in this mode |

Only what changes the verdict is listed; what is not listed leaves it as it is. In the modes other than ` + "`file` and `secret`" + ` the exporter has
no copy of the reviewer token that Vault has stored, so what is wrong with that token is ` + "`reviewer_drift`" + `. In the mode ` + "`canary`" + ` Vault has no reviewer token, and without one
the diagnostic role tells only that the host is not a URL. Because the exporter connects to no host that a server names, another wrong
host stays among the candidates there.
`

func modesPageOf(rows []modeRow) string {
	var page strings.Builder
	page.WriteString(modesIntroduction)
	writeSummary(&page, rows)
	page.WriteString(modesLegend)
	writeAlwaysProven(&page, rows)
	for _, component := range diagnose.Components {
		writeComponent(&page, component, rows)
	}
	return page.String()
}

// writeSummary writes the shares of faults per mode and grant.
func writeSummary(page *strings.Builder, rows []modeRow) {
	page.WriteString("## Share of faults\n\nProven, and in brackets proven or likely with the right cause, of the faults that can happen in the mode:\n\n| granted |")
	for _, m := range probetest.Modes {
		fmt.Fprintf(page, " `%s` |", m.Source)
	}
	page.WriteString("\n|---|" + strings.Repeat("---|", len(probetest.Modes)) + "\n")
	for j, g := range grants {
		fmt.Fprintf(page, "| %s |", g.name)
		for i := range probetest.Modes {
			proven, named, played := shares(rows, i, j)
			fmt.Fprintf(page, " %d %% (%d %%) |", 100*proven/played, 100*named/played)
		}
		page.WriteString("\n")
	}
}

func shares(rows []modeRow, mode, grant int) (proven, named, played int) {
	for _, r := range rows {
		if r.modes[mode] == nil || r.modes[mode][grant].Reason == diagnose.None {
			continue
		}
		played++
		v := r.modes[mode][grant]
		if v.Certainty == diagnose.Proven {
			proven++
		}
		if v.Certainty == diagnose.Proven || v.Reason == r.cause() {
			named++
		}
	}
	return proven, named, played
}

// writeAlwaysProven lists the causes whose every fault is proven without optional evidence in every
// mode in which it can happen.
func writeAlwaysProven(page *strings.Builder, rows []modeRow) {
	page.WriteString("\n## Proven in every mode, with nothing granted\n\n")
	for _, component := range diagnose.Components {
		var causes []string
		for _, r := range rows {
			if cause := "`" + string(r.cause()) + "`"; r.cause().Component() == component && r.alwaysProven() && !slices.Contains(causes, cause) {
				causes = append(causes, cause)
			}
		}
		if len(causes) > 0 {
			fmt.Fprintf(page, "- %s: %s\n", component, strings.Join(causes, ", "))
		}
	}
	page.WriteString("\nThe tables below have the other faults.\n")
}

func (r modeRow) alwaysProven() bool {
	return !slices.ContainsFunc(r.modes, func(v verdicts) bool { return v != nil && r.cell(v) != "proven" })
}

func writeComponent(page *strings.Builder, component diagnose.Component, rows []modeRow) {
	var lines strings.Builder
	for _, r := range rows {
		if r.cause().Component() != component || r.alwaysProven() {
			continue
		}
		fmt.Fprintf(&lines, "| `%s`: %s |", r.cause(), r.fault.Summary)
		for _, v := range r.modes {
			lines.WriteString(" " + r.cell(v) + " |")
		}
		lines.WriteString("\n")
	}
	if lines.Len() == 0 {
		return
	}
	fmt.Fprintf(page, "\n## %s\n\n| what is broken |", component)
	for _, m := range probetest.Modes {
		fmt.Fprintf(page, " `%s` |", m.Source)
	}
	page.WriteString("\n|---|" + strings.Repeat("---|", len(probetest.Modes)) + "\n" + lines.String())
}

// cell is what is said with nothing, and what each grant changes that no smaller one does.
func (r modeRow) cell(all verdicts) string {
	if all == nil {
		return "–"
	}
	changes, grantedFor := []string{}, map[string][]string{}
	for j := 1; j < len(grants); j++ {
		if says := r.words(all[j]); says != r.words(all[0]) && !r.saidWithLess(all, j) {
			if grantedFor[says] == nil {
				changes = append(changes, says)
			}
			grantedFor[says] = append(grantedFor[says], grants[j].name)
		}
	}
	text := r.words(all[0])
	for _, says := range changes {
		text += "; " + strings.Join(grantedFor[says], " or ") + ": " + says
	}
	return text
}

// saidWithLess reports whether a part of this grant alone leads to the same words.
func (r modeRow) saidWithLess(all verdicts, grant int) bool {
	for j := 1; j < grant; j++ {
		if isPartOf(grants[j].extra, grants[grant].extra) && r.words(all[j]) == r.words(all[grant]) {
			return true
		}
	}
	return false
}

func isPartOf(less, more probetest.Extra) bool {
	return (!less.Config || more.Config) && (!less.Role || more.Role) && (!less.Identity || more.Identity)
}

// words are short where the verdict is the cause itself.
func (r modeRow) words(v probetest.Verdict) string {
	certainty := map[diagnose.Certainty]string{diagnose.Proven: "proven", diagnose.ByElimination: "likely"}[v.Certainty]
	switch {
	case v.Reason == r.cause():
		return certainty
	case v.Reason == diagnose.None:
		return "not affected"
	case v.Certainty == diagnose.ByElimination && (v.Reason == diagnose.VaultToKubernetesFailed || v.Reason == diagnose.Unexplained):
		return "candidates"
	case v.Certainty == diagnose.ByElimination:
		return "likely `" + string(v.Reason) + "`"
	}
	return "`" + string(v.Reason) + "`"
}

package e2e

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

const versionsPage = "../docs/versions.md"

var wholeMatrix = flag.Bool("matrix", false, "inject every fault in every installation, not only with the oldest plugin, and write the table in docs/versions.md")

// TestFaultsInOtherInstallations injects every fault of the lab in installations that differ from it. It requires of check the verdict
// of the fakes for that installation.
func TestFaultsInOtherInstallations(t *testing.T) {
	t.Parallel()
	installations := lab.Installations()
	if !*wholeMatrix {
		installations = installations[:1]
	}
	if shared.installation != (lab.Installation{}) {
		installations = append(installations, shared.installation)
	}
	var tallies []*tally
	for _, installation := range installations {
		c := &tally{installation: installation}
		asExpected := t.Run(installation.String(), c.testFaults)
		if asExpected && c.played != nil { // -run may leave it out
			tallies = append(tallies, c)
		}
	}
	if *wholeMatrix {
		writeVersionsTable(t, tallies)
	}
}

// A tally counts the faults of one installation, by component.
type tally struct {
	installation lab.Installation

	mu     sync.Mutex                            // guards what follows
	played map[diagnose.Component]int            // faults
	proven map[diagnose.Component]map[string]int // by evidence level
}

// testFaults distributes the faults to several labs.
func (c *tally) testFaults(t *testing.T) {
	c.played, c.proven = map[diagnose.Component]int{}, map[diagnose.Component]map[string]int{}
	all := faultsOf(c.installation)
	faults := make(chan lab.Fault, len(all))
	for _, fault := range all {
		faults <- fault
	}
	close(faults)
	for range fixtureCount {
		t.Run("lab", func(t *testing.T) {
			t.Parallel()
			l := startLabWith(t, c.installation)
			for fault := range faults {
				t.Run(fault.Name, func(t *testing.T) { c.testFault(t, l, fault) })
			}
		})
	}
}

// testFault injects a fault, requires the verdict of one run at every evidence level, and heals the fault.
func (c *tally) testFault(t *testing.T, l *lab.Lab, fault lab.Fault) {
	t.Helper()
	defer func() {
		if _, err := l.Heal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}()
	if err := l.Inject(t.Context(), fault.Name); err != nil {
		t.Fatal(err)
	}
	var checks sync.WaitGroup
	for _, level := range evidenceLevels {
		checks.Go(func() {
			_, report := check(t, environment(level.env(l), append(l.Expand(fault.Env), "EXPORTER_TIMEOUT=3s", "EXPORTER_INTERVAL=10s")...))
			got, want := report.Targets[0], wantIn(t, c.installation, fault, level)
			if got.Reason != want.Reason || got.Certainty != want.Certainty || want.Warning != "" && !got.warns(want.Warning) {
				t.Errorf("%s: %s, %s (%s) with the warnings %v, want %v", level.name, got.Reason, got.Certainty, got.Detail, got.Warnings, want)
				return
			}
			c.count(fault, level, want)
		})
	}
	checks.Wait()
}

// wantIn returns the verdict in the table of faults, or that of the fakes where the installation differs from the lab. There is no
// diagnostic role where the plugin cannot have one.
func wantIn(t *testing.T, installation lab.Installation, fault lab.Fault, level evidenceLevel) lab.Verdict {
	t.Helper()
	if installation == (lab.Installation{}) {
		return level.want(fault)
	}
	extra := level.extra
	extra.Role = extra.Role && installation.HasSelectors()
	given := probetest.Play(t, fault.Name, extra, installation).Diagnosis
	return lab.Verdict{Reason: string(given.Reason), Certainty: string(given.Certainty), Warning: level.want(fault).Warning}
}

func (c *tally) count(fault lab.Fault, level evidenceLevel, v lab.Verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := componentOf(fault)
	if level.name == evidenceLevels[0].name {
		c.played[of]++
	}
	if v.Certainty == string(diagnose.Proven) {
		if c.proven[of] == nil {
			c.proven[of] = map[string]int{}
		}
		c.proven[of][level.name]++
	}
}

// componentOf returns the component that is broken, or that a warning is about.
func componentOf(fault lab.Fault) diagnose.Component {
	if reason := diagnose.Reason(fault.Full.Reason); reason != diagnose.None {
		return reason.Component()
	}
	return ""
}

// components are the columns of the table; the last has the faults that only lead to a warning.
var components = []diagnose.Component{
	diagnose.ComponentReviewer, diagnose.ComponentVaultToKubernetes, diagnose.ComponentMount, diagnose.ComponentRole,
	diagnose.ComponentVault, diagnose.ComponentKubernetes, diagnose.ComponentCanary, diagnose.ComponentExporter, "",
}

// versionsTable is the part of the page that the matrix writes.
var versionsTable = regexp.MustCompile(`(?s)(<!-- matrix -->\n).*(<!-- /matrix -->)`)

// writeVersionsTable replaces the rows of the installations that were played as expected, and keeps the others.
func writeVersionsTable(t *testing.T, tallies []*tally) {
	t.Helper()
	page, err := os.ReadFile(versionsPage)
	if err != nil {
		t.Fatal(err)
	}
	rows := versionsRows(t, page)
	for _, c := range tallies {
		rows[c.installation.String()] = c.row()
	}
	table := tableHead()
	for _, installation := range lab.Installations() {
		table += rows[installation.String()]
		delete(rows, installation.String())
	}
	for _, name := range slices.Sorted(maps.Keys(rows)) { // releases
		if _, err := lab.InstallationOf(name); err == nil {
			table += rows[name]
		}
	}
	page = versionsTable.ReplaceAll(page, []byte("${1}"+table+"${2}"))
	if err := os.WriteFile(versionsPage, page, 0o644); err != nil {
		t.Fatal(err)
	}
}

// versionsRows returns the lines of the page's table by installation.
func versionsRows(t *testing.T, page []byte) map[string]string {
	t.Helper()
	table := versionsTable.FindSubmatch(page)
	if table == nil {
		t.Fatalf("%s has no place for the table", versionsPage)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(table[0])) {
		if cells := strings.Split(line, " | "); len(cells) > 1 {
			rows[strings.TrimPrefix(cells[0], "| ")] = line
		}
	}
	return rows
}

// versionsProse explains the table.
const versionsProse = `## Every fault at every version

` + "`make matrix`" + ` injects every fault of the lab into installations that differ from it in one thing: the version of the Kubernetes plugin in the core
of Vault 1.21.4, the API server's, the protocol, the type of tokens, or a release in place of Vault. Each verdict is as expected. A cell says how
many faults were injected, how many of them were proven with bare evidence, and how many with all that the version can give. The others were
found by elimination. Plugins before 0.18 have fewer faults, since they have no namespace selectors and no annotations, and no diagnostic role;
OpenBao has no annotations, and batch tokens need no revocation. Kubernetes before 1.31 says the same of a token of another cluster's key and of one
that is damaged, so the former is not proven there. Every change is tested with the oldest plugin and the newest.

`

func tableHead() string {
	head := versionsProse + "| installation |"
	for _, component := range components {
		head += fmt.Sprintf(" %s |", cmp.Or(string(component), "warnings"))
	}
	return head + "\n|---" + strings.Repeat("|---", len(components)) + "|\n"
}

// row says for each component how many faults were injected, and how many of them are proven with bare and with all
// evidence.
func (c *tally) row() string {
	row := fmt.Sprintf("| %s |", c.installation)
	for _, component := range components {
		row += fmt.Sprintf(" %d: %d, %d |", c.played[component], c.proven[component][evidenceLevels[0].name], c.proven[component][evidenceLevels[1].name])
	}
	return row + "\n"
}

// TestVersionsTableIsCurrent requires that each installation in the table met every fault that can occur there.
func TestVersionsTableIsCurrent(t *testing.T) {
	page, err := os.ReadFile(versionsPage)
	if err != nil {
		t.Fatal(err)
	}
	rows := versionsRows(t, page)
	count := regexp.MustCompile(`(\d+): `)
	installations := lab.Installations()
	for name := range rows {
		if release, err := lab.InstallationOf(name); err == nil {
			installations = append(installations, release)
		}
	}
	for _, installation := range installations {
		played := 0
		for _, found := range count.FindAllStringSubmatch(rows[installation.String()], -1) {
			n, _ := strconv.Atoi(found[1])
			played += n
		}
		want := len(faultsOf(installation))
		if rows[installation.String()] != "" && played != want {
			t.Errorf("%s: %s met %d faults, but %d can occur there; make matrix plays them all", versionsPage, installation, played, want)
		}
	}
}

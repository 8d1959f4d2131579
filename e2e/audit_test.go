package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A cost is a row of the table in docs/installation.md: lines in an audit log.
type cost struct{ run, tenth, day int }

const (
	batchTokens   = "Vault's audit log, batch tokens"
	serviceTokens = "Vault's audit log, service tokens"
	byVault       = "API server, by Vault for the login"
)

// costs are the rows of the table.
func (g guide) costs(t *testing.T) map[string]cost {
	t.Helper()
	rows := map[string]cost{}
	for line := range strings.Lines(g["What it costs"]) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 4 {
			continue
		}
		var numbers []int
		for _, cell := range cells[1:] {
			if n, err := strconv.Atoi(strings.TrimSpace(cell)); err == nil {
				numbers = append(numbers, n)
			}
		}
		if len(numbers) == 3 {
			rows[strings.TrimSpace(cells[0])] = cost{numbers[0], numbers[1], numbers[2]}
		}
	}
	return rows
}

// TestADayOfCosts does the sum of each row.
func TestADayOfCosts(t *testing.T) {
	const runs = 24 * 60
	rows := readGuide(t).costs(t)
	if len(rows) != 6 {
		t.Fatalf("the table has %d rows: %v", len(rows), rows)
	}
	for name, row := range rows {
		if want := runs*row.run + runs/10*row.tenth; row.day != want {
			t.Errorf("%s: %d a day, but the runs of a day make %d", name, row.day, want)
		}
	}
}

// costs holds what lies in the audit logs after these runs against the guide. reading is
// how many of the runs read the mount.
func (a administrator) costs(runs, reading int, apiServer string) {
	a.t.Helper()
	a.vaultCosts(runs, reading, batchTokens)
	a.cost(apiServer, runs, reading, func() int { return len(a.audited("kubernetes-audit.log")) })
	a.cost(byVault, runs, reading, a.reviewsByVault)
}

func (a administrator) vaultCosts(runs, reading int, row string) {
	a.t.Helper()
	a.cost(row, runs, reading, func() int { return len(a.audited("vault-audit.log")) })
}

// cost waits for the lines of the runs, and for some that should not come.
func (a administrator) cost(row string, runs, reading int, count func() int) {
	a.t.Helper()
	c, known := a.guide.costs(a.t)[row]
	if !known {
		a.t.Fatalf("the guide has no costs of %q", row)
	}
	want := runs*c.run + reading*c.tenth
	for deadline := time.Now().Add(5 * time.Second); count() < want && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
	}
	if got := count(); got != want {
		a.t.Errorf("%s: %d runs, %d of them with the mount, left %d lines, want %d", row, runs, reading, got, want)
	}
}

// audited are the exporter's own lines of an audit log, which the guide's command finds.
func (a administrator) audited(log string) []string {
	a.t.Helper()
	a.linkAuditLogs()
	for _, block := range a.guide.commands("What security will see") {
		for command := range strings.Lines(block) {
			if strings.HasSuffix(strings.TrimSpace(command), " "+log) {
				out, _ := a.paste(command) // grep fails where it finds nothing
				return lines(out)
			}
		}
	}
	a.t.Fatalf("the guide has no command for %s", log)
	return nil
}

// reviewsByVault counts what Vault had reviewed.
func (a administrator) reviewsByVault() int {
	a.t.Helper()
	a.linkAuditLogs()
	content, err := os.ReadFile(filepath.Join(a.dir, "kubernetes-audit.log"))
	if err != nil {
		a.t.Fatal(err)
	}
	n := 0
	for _, line := range lines(string(content)) {
		if strings.Contains(line, `"resource":"tokenreviews"`) && !strings.Contains(line, "vault-k8s-auth-exporter/") {
			n++
		}
	}
	return n
}

// linkAuditLogs gives the logs the names that they have in the guide.
func (a administrator) linkAuditLogs() {
	a.t.Helper()
	for name, path := range map[string]string{"vault-audit.log": a.lab.AuditLog(), "kubernetes-audit.log": a.lab.KubernetesAuditLog()} {
		if err := os.Symlink(path, filepath.Join(a.dir, name)); err != nil && !os.IsExist(err) {
			a.t.Fatal(err)
		}
	}
}

func lines(text string) []string {
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

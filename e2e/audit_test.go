package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// An auditCost is a row of the table in docs/installation.md: lines in an audit log per run,
// additional lines in every tenth run, and lines per day.
type auditCost struct{ perRun, perTenthRun, perDay int }

const (
	batchTokens   = "Vault's audit log, batch tokens"
	serviceTokens = "Vault's audit log, service tokens"
	byVault       = "API server, by Vault for the login"
)

// auditCosts parses the table.
func (g guide) auditCosts(t *testing.T) map[string]auditCost {
	t.Helper()
	rows := map[string]auditCost{}
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
			rows[strings.TrimSpace(cells[0])] = auditCost{numbers[0], numbers[1], numbers[2]}
		}
	}
	return rows
}

// TestAuditCostsAddUp computes the daily costs from the other two columns, for a run per minute.
func TestAuditCostsAddUp(t *testing.T) {
	const runs = 24 * 60
	rows := readGuide(t).auditCosts(t)
	if len(rows) != 6 {
		t.Fatalf("the table has %d rows: %v", len(rows), rows)
	}
	for name, row := range rows {
		if want := runs*row.perRun + runs/10*row.perTenthRun; row.perDay != want {
			t.Errorf("%s: %d a day, but the other columns make %d", name, row.perDay, want)
		}
	}
}

// auditCounters count the lines that the rows of the table are about.
func (a administrator) auditCounters(vault, apiServer string) map[string]func() int {
	return map[string]func() int{
		vault:     func() int { return len(a.auditLines("vault-audit.log")) },
		apiServer: func() int { return len(a.auditLines("kubernetes-audit.log")) },
		byVault:   a.reviewsByVault,
	}
}

// wantAuditCosts requires the lines that the table promises for these runs of the exporter.
// mountReads is how many of the runs read the mount.
func (a administrator) wantAuditCosts(runs, mountReads int, counters map[string]func() int, probe func()) {
	a.t.Helper()
	before := map[string]int{}
	for row, count := range counters {
		before[row] = count()
	}
	probe()
	table := a.guide.auditCosts(a.t)
	for row, count := range counters {
		c, known := table[row]
		if !known {
			a.t.Fatalf("the guide has no costs of %q", row)
		}
		want := runs*c.perRun + mountReads*c.perTenthRun
		eventually(a.t, detectionTimeout, row, func() bool { return count()-before[row] >= want }, func() string {
			return fmt.Sprintf("%d lines, want %d", count()-before[row], want)
		})
		if got := count() - before[row]; got != want {
			a.t.Errorf("%s: %d runs, %d of them with the mount, wrote %d lines, want %d", row, runs, mountReads, got, want)
		}
	}
}

// probeTwice runs a process for two runs. Only the first one reads the mount.
func (a administrator) probeTwice(p pod) {
	a.t.Helper()
	exporter := serveAs(a.t, p.binary, slices.Concat(p.env, []string{"EXPORTER_INTERVAL=1h", "EXPORTER_PROBE_API=true"}))
	address := exporter.address("")
	runs := func() string { return scrape(a.t, address).value("probes_total") }
	eventually(a.t, 20*time.Second, "a first run", func() bool { return runs() == "1" }, exporter.out.String)
	response, err := http.Post("http://"+address+"/api/v1/probe/default", "", nil)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || runs() != "2" {
		a.t.Errorf("requesting another run: %s, %s runs in total\n%s", response.Status, runs(), exporter.out)
	}
	exporter.terminate()
}

// wantServiceTokenCosts also requires that no service token remains in Vault.
func wantServiceTokenCosts(a administrator, p pod) {
	a.t.Helper()
	a.mustRun("vault write auth/kubernetes/role/canary token_type=service token_no_default_policy=false")
	tokens := a.accessors()
	a.wantAuditCosts(1, 1, a.auditCounters(serviceTokens, "API server, `secret`"), func() { wantHealthy(a.t, checkAs(a.t, p.binary, p.env)) })
	if after := a.accessors(); after != tokens {
		a.t.Errorf("%d tokens in Vault before a run with service tokens, %d after", tokens, after)
	}
}

// wantAuditEntries requires what the guide says that audit logs show besides healthy runs.
func wantAuditEntries(a administrator, p pod) {
	a.t.Helper()
	a.mustRun("vault write auth/kubernetes/role/canary token_policies=default token_no_default_policy=false")
	a.wantAuditEntry(p, "none", true, `"path":"auth/kubernetes/config"`, "permission denied")
	a.mustRun("kubectl delete clusterrolebinding vault-auth-delegator")
	a.awaits(reviewerMayReview, "no")
	role := strings.TrimSpace(a.mustRun("vault write -field=hash sys/audit-hash/file input=vault-k8s-auth-exporter-probe"))
	for _, followUp := range []string{role, "token is expired"} {
		a.wantAuditEntry(p, "reviewer_forbidden", true, `"path":"auth/kubernetes/login"`, followUp)
		a.wantAuditEntry(p, "reviewer_forbidden", false, `"path":"auth/kubernetes/login"`, followUp)
	}
	var from []string
	for _, line := range a.auditLines("kubernetes-audit.log") {
		var event struct {
			User      struct{ Username string }
			ObjectRef struct{ Resource string }
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			a.t.Fatal(err)
		}
		from = append(from, event.ObjectRef.Resource+" by "+event.User.Username)
	}
	slices.Sort(from)
	want := []string{
		"selfsubjectaccessreviews by system:serviceaccount:vault:vault-auth",
		"selfsubjectreviews by system:serviceaccount:vault:vault-auth",
		"selfsubjectrulesreviews by system:serviceaccount:vault:vault-auth",
		"tokenreviews by system:serviceaccount:vault:vault-auth",
	}
	if diff := cmp.Diff(want, slices.Compact(from)); diff != "" {
		a.t.Errorf("requests to the API server (-want +got):\n%s", diff)
	}
}

// wantAuditEntry makes a run that ends with this reason. It requires a line of Vault's audit log
// with all these words if follow-ups are enabled, and no such line if they are not.
func (a administrator) wantAuditEntry(p pod, reason string, followUps bool, words ...string) {
	a.t.Helper()
	before := len(a.auditLines("vault-audit.log"))
	env := slices.Concat(p.env, []string{fmt.Sprintf("EXPORTER_FOLLOW_UPS=%t", followUps)})
	if got := checkAs(a.t, p.binary, env); got.Reason != reason {
		a.t.Errorf("%s (%s), want %s", got.Reason, got.Detail, reason)
	}
	found := slices.ContainsFunc(a.auditLines("vault-audit.log")[before:], func(line string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) })
	})
	if found != followUps {
		a.t.Errorf("follow-ups %t: a line of Vault's audit log has %q: %t", followUps, words, found)
	}
}

// auditLines runs the guide's own command to find the exporter's lines in an audit log.
func (a administrator) auditLines(log string) []string {
	a.t.Helper()
	a.linkAuditLogs()
	for _, block := range a.guide.commands("What security will see") {
		for command := range strings.Lines(block) {
			if strings.HasSuffix(strings.TrimSpace(command), " "+log) {
				out, _ := a.run(command) // grep exits with 1 if it finds nothing
				return splitLines(out)
			}
		}
	}
	a.t.Fatalf("the guide has no command for %s", log)
	return nil
}

// reviewsByVault counts the TokenReviews that Vault requested, not the exporter.
func (a administrator) reviewsByVault() int {
	a.t.Helper()
	a.linkAuditLogs()
	content, err := os.ReadFile(filepath.Join(a.dir, "kubernetes-audit.log"))
	if err != nil {
		a.t.Fatal(err)
	}
	n := 0
	for _, line := range splitLines(string(content)) {
		if strings.Contains(line, `"resource":"tokenreviews"`) && !strings.Contains(line, `"userAgent":"vault-k8s-auth-exporter/`) {
			n++
		}
	}
	return n
}

// linkAuditLogs makes the logs available under the names that the guide uses.
func (a administrator) linkAuditLogs() {
	a.t.Helper()
	for name, path := range map[string]string{"vault-audit.log": a.lab.AuditLog(), "kubernetes-audit.log": a.lab.KubernetesAuditLog()} {
		if err := os.Symlink(path, filepath.Join(a.dir, name)); err != nil && !os.IsExist(err) {
			a.t.Fatal(err)
		}
	}
}

func splitLines(text string) []string {
	return slices.Collect(strings.Lines(text))
}

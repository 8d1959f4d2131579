package e2e

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// fixtureCount is the number of labs that the faults are distributed to.
const fixtureCount = 3

// TestFaults injects every fault of the lab, and requires the verdict in its table from the
// metrics, from check, and from the fakes.
func TestFaults(t *testing.T) {
	t.Parallel()
	m := &matrix{}
	faults := make(chan lab.Fault, len(faultsOf(shared.installation)))
	for _, fault := range faultsOf(shared.installation) {
		m.expect(t, fault)
		faults <- fault
	}
	close(faults)
	t.Run("lab", func(t *testing.T) {
		for range fixtureCount {
			t.Run("fixture", func(t *testing.T) {
				t.Parallel()
				c := newFixture(t)
				for fault := range faults {
					t.Run(fault.Name, func(t *testing.T) { c.testFault(t, fault, m) })
				}
			})
		}
	})
	m.publish(t)
}

// A matrix collects the expected and the actual verdicts of all faults.
type matrix struct {
	mu   sync.Mutex // guards rows
	rows []row
}

type row struct {
	fault lab.Fault
	cells []cell // one per evidence level
}

type cell struct {
	want, fakes, servers lab.Verdict
	elapsed              time.Duration // from the injection to the metric
}

// expect adds a row with the verdicts that the fakes lead to.
func (m *matrix) expect(t *testing.T, fault lab.Fault) {
	t.Helper()
	r := row{fault: fault}
	for _, level := range evidenceLevels {
		want := wantIn(t, shared.installation, fault, level)
		given := probetest.Play(t, fault.Name, level.extra, shared.installation).Diagnosis
		c := cell{want: want, fakes: lab.Verdict{Reason: string(given.Reason), Certainty: string(given.Certainty), Warning: want.Warning}}
		if c.fakes != c.want {
			t.Errorf("%s, %s: the fakes give %+v, want %+v", fault.Name, level.name, c.fakes, want)
		}
		r.cells = append(r.cells, c)
	}
	m.rows = append(m.rows, r)
}

// record adds the verdict that the real servers led to.
func (m *matrix) record(fault lab.Fault, c evidenceLevel, got lab.Verdict, elapsed time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		for i := range evidenceLevels {
			if r.fault.Name == fault.Name && evidenceLevels[i].name == c.name {
				r.cells[i].servers, r.cells[i].elapsed = got, elapsed
			}
		}
	}
}

// publish logs the matrix, and writes it to the file that E2E_MATRIX names.
func (m *matrix) publish(t *testing.T) {
	t.Helper()
	text := m.String()
	t.Log("\n" + text)
	if path := os.Getenv("E2E_MATRIX"); path != "" {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Error(err)
		}
	}
}

func (m *matrix) String() string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "FAULT")
	for _, c := range evidenceLevels {
		fmt.Fprintf(table, "\tEXPECTED WITH %s\tFAKES\tREAL\tAFTER", strings.ToUpper(c.name))
	}
	agree, proven, cells := 0, make([]int, len(evidenceLevels)), 0
	for _, r := range m.rows {
		fmt.Fprintf(table, "\n%s", r.fault.Name)
		for i, c := range r.cells {
			fmt.Fprintf(table, "\t%s\t%s\t%s\t%.1fs", verdictText(c.want), c.compare(c.fakes), c.compare(c.servers), c.elapsed.Seconds())
			cells++
			if c.fakes == c.want && c.servers == c.want {
				agree++
			}
			if c.want.Certainty == "proven" {
				proven[i]++
			}
		}
	}
	_ = table.Flush()
	fmt.Fprintf(&text, "\n\n%d faults; expected, fakes and real servers agree in %d of %d cells", len(m.rows), agree, cells)
	for i, c := range evidenceLevels {
		fmt.Fprintf(&text, "; proven with %s: %d of %d", c.name, proven[i], len(m.rows))
	}
	return text.String() + "\n"
}

func (c cell) compare(given lab.Verdict) string {
	if given == c.want {
		return "same"
	}
	return verdictText(given)
}

func verdictText(v lab.Verdict) string {
	text := v.Reason
	if v.Certainty == "by_elimination" {
		text += " (by elimination)"
	}
	if v.Warning != "" {
		text += " +" + v.Warning
	}
	return text
}

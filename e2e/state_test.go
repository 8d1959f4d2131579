package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// stateSaved is how soon the state of a change of verdict is in the file.
const stateSaved = 12 * time.Second

// incidentsAt are the IDs of the current incidents, and those of past ones with their endings.
func incidentsAt(t *testing.T, address string) (current, past []string) {
	t.Helper()
	_, body := get(address, "/api/v1/incidents")
	var got struct{ Incidents, Past []struct{ ID, Ending string } }
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	for _, i := range got.Incidents {
		current = append(current, i.ID)
	}
	for _, i := range got.Past {
		past = append(past, i.ID+" "+i.Ending)
	}
	return current, past
}

func isSealed(e exposition) bool  { return e.label("verdict_info", "reason") == "vault_sealed" }
func isHealthy(e exposition) bool { return e.verdict() == healthyVerdict }

// knownFault seals Vault, waits until the process has saved that, and returns since when it is
// sealed, and its incident.
func knownFault(t *testing.T, l *lab.Lab, p *process, file string) (since, incident string) {
	t.Helper()
	waitFor(t, l, p, "health", isHealthy)
	if err := l.Inject(t.Context(), "vault_sealed"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, l, p, "the fault", isSealed)
	eventually(t, stateSaved, "the state", func() bool {
		content, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(content), "vault_sealed")
	}, p.out.String)
	current, _ := incidentsAt(t, p.address(""))
	if len(current) != 1 {
		t.Fatalf("the incidents are %q", current)
	}
	return scrape(t, p.address("")).value("verdict_since_timestamp_seconds"), current[0]
}

// wantContinued requires a process to continue the incident.
func wantContinued(t *testing.T, p *process, since, incident string) {
	t.Helper()
	if got := scrape(t, p.address("")).value("verdict_since_timestamp_seconds"); got != since {
		t.Errorf("the reason holds since %s, before the restart since %s", got, since)
	}
	if current, past := incidentsAt(t, p.address("")); len(current) != 1 || current[0] != incident || len(past) != 0 {
		t.Errorf("current %q, past %q, before the restart %s", current, past, incident)
	}
	if log := p.out.String(); !strings.Contains(log, `"msg":"Incident continued"`) || strings.Contains(log, `"msg":"Incident began"`) {
		t.Errorf("the log does not say that the incident goes on:\n%s", log)
	}
}

// TestStateSurvivesKills covers an exporter that is killed during a fault, and one that is stopped and
// finds the fault gone when it is back.
func TestStateSurvivesKills(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	file := filepath.Join(t.TempDir(), "state")
	env := environment(l.Env(), "EXPORTER_STATE_FILE="+file)
	first := serve(t, env)
	since, incident := knownFault(t, l, first, file)
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-first.exited

	second := serve(t, env)
	waitFor(t, l, second, "the fault", isSealed)
	wantContinued(t, second, since, incident)
	second.terminate()
	if _, err := l.Heal(t.Context()); err != nil {
		t.Fatal(err)
	}

	third := serve(t, env)
	waitFor(t, l, third, "health", isHealthy)
	if current, past := incidentsAt(t, third.address("")); len(current) != 0 || len(past) != 1 || past[0] != incident+" unseen" {
		t.Errorf("current %q, past %q", current, past)
	}
}

// TestStandbyContinues covers a standby that shares the file with its leader.
func TestStandbyContinues(t *testing.T) {
	t.Parallel()
	group := newReplicas(t, startLab(t))
	file := filepath.Join(t.TempDir(), "state")
	group.env = append(group.env, "EXPORTER_STATE_FILE="+file)
	leader := group.start()
	leader.waitFor("a leader", 10*time.Second, leader.isProbing)
	standby := group.start()
	standby.wantStandby()
	since, incident := knownFault(t, group.lab, leader.process, file)
	if err := leader.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	standby.waitFor("takeover", 20*time.Second, standby.isProbing)
	waitFor(t, group.lab, standby.process, "the fault", isSealed)
	wantContinued(t, standby.process, since, incident)
}

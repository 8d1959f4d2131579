package status_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
)

// The page and the API name the time before a restart of which nothing is known.
func TestGaps(t *testing.T) {
	gap := probe.Gap{From: noon.Add(10 * time.Minute), To: noon.Add(time.Hour)}
	history := incident.History{Since: noon, Gaps: []probe.Gap{gap}, Past: []incident.Record{{
		ID: "1", Reason: diagnose.VaultSealed, Component: diagnose.ComponentVault, Object: "https://vault", Begin: noon, End: noon.Add(time.Minute),
		Ending: incident.EndUnseen, Next: diagnose.VaultTimeout, Affected: 1, Names: []string{"a"},
	}}}
	f := open(t, status.Options{Incidents: func() incident.History { return history }}, "a")
	f.ran("a", time.Now(), diagnose.VaultTimeout)
	f.states[0].Latest.Gap = gap
	_, overview := f.do("GET", "/")
	for _, part := range []string{"when probing began; no exporter ran from <time", "2026-01-02 12:10:00 UTC", "2026-01-02 13:00:00 UTC", "gone after a restart, then vault_timeout", "<dt>Not seen</dt>"} {
		if !strings.Contains(overview, part) {
			t.Errorf("the page lacks %q:\n%s", part, overview)
		}
	}
	for path, read := range map[string]func(body string) (got struct{ From, To time.Time }){
		"/api/v1/status/a": func(body string) (got struct{ From, To time.Time }) {
			var target struct{ Gap *struct{ From, To time.Time } }
			if err := json.Unmarshal([]byte(body), &target); err != nil || target.Gap == nil {
				t.Fatal(err, body)
			}
			return *target.Gap
		},
		"/api/v1/incidents": func(body string) (got struct{ From, To time.Time }) {
			var all struct {
				Gaps []struct{ From, To time.Time }
			}
			if err := json.Unmarshal([]byte(body), &all); err != nil || len(all.Gaps) != 1 {
				t.Fatal(err, body)
			}
			return all.Gaps[0]
		},
	} {
		_, body := f.do("GET", path)
		if got := read(body); !got.From.Equal(gap.From) || !got.To.Equal(gap.To) {
			t.Errorf("%s: the gap is %+v", path, got)
		}
	}
}

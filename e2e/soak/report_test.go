package soak

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReportHasEachRun(t *testing.T) {
	r, err := readReport(`{"targets": [{"target": "bare", "state": "unhealthy", "reason": "vault_sealed", "certainty": "proven", "started": "2026-11-27T12:00:09Z",
		"history": [{"started": "2026-11-27T12:00:00Z", "reason": "none", "duration_seconds": 1}, {"started": "2026-11-27T12:00:09Z", "reason": "vault_sealed", "duration_seconds": 1}]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	want := []run{ran("bare", 0, "none", ""), ran("bare", 9, "vault_sealed", "proven")}
	if diff := cmp.Diff(want, r.runs(), cmp.AllowUnexported(run{})); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
	if _, err := readReport("<html>"); err == nil {
		t.Error("a page is read as a report")
	}
}

func TestJudgeIncidents(t *testing.T) {
	sealed := targetReport{Target: "bare", State: "unhealthy", Reason: "vault_sealed"}
	healthy := targetReport{Target: "bare", State: "healthy", Reason: "none"}
	current := incident{Reason: "vault_sealed", Targets: []string{"bare"}, Begin: at(1)}
	other := incident{Reason: "role_missing", Targets: []string{"bare"}, Begin: at(1)}
	ended := current
	ended.End = at(20)
	backwards := current
	backwards.End = at(-20)
	spans := []span{held(t, "vault_sealed", 0, 15)}
	for name, test := range map[string]struct {
		incidents incidentReport
		target    targetReport
		spans     []span
		want      string
	}{
		"none":                      {incidentReport{}, healthy, nil, ""},
		"one":                       {incidentReport{Incidents: []incident{current}}, sealed, spans, ""},
		"one that has ended":        {incidentReport{Past: []incident{ended}}, healthy, spans, ""},
		"not begun":                 {incidentReport{}, sealed, spans, "want [\"vault_sealed\"]"},
		"not ended":                 {incidentReport{Incidents: []incident{current}}, healthy, spans, "want []"},
		"another reason":            {incidentReport{Incidents: []incident{other}}, sealed, spans, "incidents [\"role_missing\"]"},
		"two of one target":         {incidentReport{Incidents: []incident{current, other}}, sealed, spans, "want [\"vault_sealed\"]"},
		"begun while all was well":  {incidentReport{Incidents: []incident{current}}, sealed, []span{held(t, "vault_sealed", 60, 0)}, "when nothing was wrong"},
		"ended before it began":     {incidentReport{Past: []incident{backwards}}, healthy, spans, "ended at"},
		"a target that has not run": {incidentReport{}, targetReport{Target: "bare", State: "waiting"}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, judgeIncidents(test.incidents, report{[]targetReport{test.target}}, test.spans), test.want)
		})
	}
}

func TestHistoryRepeatsWhatHappenedSinceAllWasWell(t *testing.T) {
	var h history
	for _, text := range []string{"rewrite add, settled", "inject vault_sealed, settled", "heal all, settled", "inject role_missing, 1s", "kill exporter, settled"} {
		s, err := parseStep(text)
		if err != nil {
			t.Fatal(err)
		}
		h.begin(s, len(h.steps) > 0)
		if s.do == healFault {
			h.markQuiet()
		}
	}
	if got, want := format(h.shortest()), "rewrite add, settled; inject role_missing, 1s; kill exporter, settled"; got != want {
		t.Errorf("the shortest history is %q, want %q", got, want)
	}
}

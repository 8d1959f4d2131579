package soak

import (
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

// held is the span of a fault that came and went within a tenth of a second. Without an end it still holds.
func held(t *testing.T, name string, since, until float64) span {
	t.Helper()
	f, err := lab.FindFault(name)
	if err != nil {
		t.Fatal(err)
	}
	s := span{what: name, fault: &f, from: at(since - 0.1), since: at(since)}
	if until > 0 {
		s.until, s.to = at(until), at(until+0.1)
	}
	return s
}

// ran is a run of a second.
func ran(target string, started float64, reason, certainty string) run {
	return run{target, at(started), at(started + 1), reason, certainty}
}

func TestJudgeRun(t *testing.T) {
	restarted := span{what: "a restart", from: at(0), to: at(5)}
	for name, test := range map[string]struct {
		run   run
		spans []span
		want  string // part of the error; empty: none
	}{
		"health":                                     {ran("full", 1, "none", "proven"), nil, ""},
		"the fault that holds":                       {ran("full", 1, "vault_sealed", "proven"), []span{held(t, "vault_sealed", 0, 0)}, ""},
		"health while a fault holds":                 {ran("full", 1, "none", "proven"), []span{held(t, "vault_sealed", 0, 0)}, "while vault_sealed held"},
		"health after a fault":                       {ran("full", 8, "none", "proven"), []span{held(t, "vault_sealed", 0, 5)}, ""},
		"a fault that has been healed":               {ran("full", 8, "vault_sealed", "proven"), []span{held(t, "vault_sealed", 0, 5)}, "nothing was wrong"},
		"a false alarm":                              {ran("full", 1, "role_missing", "proven"), nil, "nothing was wrong"},
		"another fault":                              {ran("full", 1, "role_missing", "proven"), []span{held(t, "vault_sealed", 0, 0)}, "allows vault_sealed"},
		"a fault that logins do not see":             {ran("full", 1, "none", "proven"), []span{held(t, "mount_ca_mismatch", 0, 0)}, ""},
		"a false alarm about such a fault":           {ran("full", 1, "vault_to_kubernetes_tls", "proven"), []span{held(t, "mount_ca_mismatch", 0, 0)}, "while mount_ca_mismatch held"},
		"during a change":                            {ran("full", 4.5, "mount_missing", "proven"), []span{held(t, "vault_sealed", 0, 5)}, ""},
		"health during the change of one of two":     {ran("full", 4.5, "none", "proven"), []span{held(t, "vault_sealed", 0, 5), held(t, "role_missing", 0, 0)}, "while role_missing held"},
		"during a restart":                           {ran("full", 2, "vault_uninitialized", "proven"), []span{restarted}, ""},
		"after a restart":                            {ran("full", 6, "vault_uninitialized", "proven"), []span{restarted}, "nothing was wrong"},
		"not yet specific":                           {ran("full", 1, "vault_to_kubernetes_failed", "by_elimination"), []span{held(t, "role_missing", 0, 0)}, ""},
		"proven to be what it is not":                {ran("full", 1, "vault_to_kubernetes_failed", "proven"), []span{held(t, "role_missing", 0, 0)}, "allows role_missing"},
		"what only the other target can see":         {ran("bare", 1, "reviewer_drift", "proven"), []span{held(t, "reviewer_drift", 0, 0)}, "allows vault_to_kubernetes_failed"},
		"what a namespace selector reveals":          {ran("bare", 1, "vault_to_kubernetes_misconfigured", "proven"), []span{held(t, "vault_to_kubernetes_misconfigured", 0, 0), held(t, "role_namespace_mismatch_selector", 0, 0)}, ""},
		"what another fault does not reveal":         {ran("bare", 1, "vault_to_kubernetes_misconfigured", "proven"), []span{held(t, "vault_to_kubernetes_misconfigured", 0, 0), held(t, "role_missing", 0, 0)}, "allows vault_to_kubernetes_failed"},
		"one of two that do not hide each other":     {ran("full", 1, "reviewer_forbidden", "proven"), []span{held(t, "role_missing", 0, 0), held(t, "reviewer_forbidden", 0, 0)}, ""},
		"the fault that another hides":               {ran("full", 1, "role_missing", "proven"), []span{held(t, "role_missing", 0, 0), held(t, "vault_sealed", 0, 0)}, "allows vault_sealed"},
		"the fault that hides another":               {ran("full", 1, "vault_sealed", "proven"), []span{held(t, "role_missing", 0, 0), held(t, "vault_sealed", 0, 0)}, ""},
		"a canary without a token sees no bad login": {ran("full", 1, "canary_token_missing", "proven"), []span{held(t, "canary_token_missing", 0, 0), held(t, "vault_rate_limited", 0, 0)}, ""},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, judgeRun(test.run, test.spans), test.want) })
	}
}

func TestJudgeSettled(t *testing.T) {
	for name, test := range map[string]struct {
		run   run
		spans []span
		want  string
	}{
		"health":                    {ran("full", 1, "none", "proven"), nil, ""},
		"exact":                     {ran("bare", 1, "reviewer_drift", "proven"), []span{held(t, "reviewer_drift", 0, 0)}, "want vault_to_kubernetes_failed"},
		"less certain than it must": {ran("full", 1, "vault_sealed", "by_elimination"), []span{held(t, "vault_sealed", 0, 0)}, "want vault_sealed (proven)"},
		"more certain than it may":  {ran("bare", 1, "vault_to_kubernetes_failed", "proven"), []span{held(t, "reviewer_drift", 0, 0)}, "(by_elimination)"},
		"still unspecific":          {ran("full", 1, "vault_to_kubernetes_failed", "by_elimination"), []span{held(t, "role_missing", 0, 0)}, "want role_missing"},
		"another target":            {ran("default", 1, "reviewer_drift", "proven"), []span{held(t, "reviewer_drift", 0, 0)}, ""},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, judgeSettled(test.run, test.spans), test.want) })
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("unexpected: %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("the error is %v, want one with %q", err, want)
	}
}

func TestRunsWithATurn(t *testing.T) {
	var runs []run
	for _, started := range []float64{1, 1.04, 1.9, 2.1, 10} {
		runs = append(runs, ran("full", started, "none", "proven"))
	}
	if n := withTurn(runs); n != 3 {
		t.Errorf("%d runs, want those at 1, 2.1 and 10 s", n)
	}
}

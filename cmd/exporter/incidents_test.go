package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/internal/status"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/incident"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/probetest"
)

// loggedIncidents are incidents whose log is out.
func loggedIncidents(out *bytes.Buffer, results []probe.Result) *incidents {
	i := newIncidents(slog.New(slog.NewTextHandler(out, nil)), status.Links{URL: "https://vka"})
	i.page = status.New(status.Options{})
	var targets []evidence.Target
	for _, r := range results {
		targets = append(targets, r.Target)
	}
	i.setTargets(targets)
	return i
}

// The log has a line for each incident, not for each target, and the commands that fix it.
func TestLogOfManyTargets(t *testing.T) {
	var out bytes.Buffer
	results := fleet()
	i := loggedIncidents(&out, results)
	play := func(minute int, change func(*probe.Result)) {
		for n, r := range results { // spread over the interval
			change(&r)
			r.Start = r.Start.Add(time.Duration(minute)*time.Minute + time.Duration(n)*r.Target.Interval/time.Duration(len(results)))
			i.observe(r)
		}
	}
	healthy := func(r *probe.Result) { r.Diagnosis.Verdict = diagnose.Verdict{Reason: diagnose.None} }
	play(0, healthy)
	play(1, func(*probe.Result) {})
	play(2, func(*probe.Result) {})
	play(3, healthy)
	want := []string{
		`level=WARN msg="Incident began" id=ID logins=fail reason=vault_sealed component=vault object=https://vault-us.example.com targets=1 names="[\"prod/team-000\"]" certainty=proven detail="Vault is sealed" fix="[\"vault operator unseal\"]" runbook="https://vka/runbooks/vault_sealed?target=prod%2Fteam-000"`,
		`level=WARN msg="Incident began" id=ID logins=fail reason=role_missing component=role object="https://vault-eu.example.com auth/k8s/team-070/role/canary" targets=1 names="[\"prod/team-070\"]" certainty=proven detail="there is no role canary" fix="[\"vault write auth/k8s/team-070/role/canary\"]" runbook="https://vka/runbooks/role_missing?target=prod%2Fteam-070"`,
		`level=WARN msg="Incident began" id=ID logins=unknown reason=canary_expired component=canary object=https://api-080.example.com targets=1 names="[\"prod/team-080\"]" certainty=proven detail="the canary's token has expired" fix="[\"kubectl delete pod\"]" runbook="https://vka/runbooks/canary_expired?target=prod%2Fteam-080"`,
		`level=WARN msg="Incident spread" id=ID logins=fail reason=vault_sealed component=vault object=https://vault-us.example.com targets=60 names="[\"prod/team-000\",\"prod/team-001\",\"prod/team-002\",\"prod/team-003\",\"prod/team-004\",\"prod/team-005\",\"prod/team-006\",\"prod/team-007\",\"prod/team-008\",\"prod/team-009\",\"prod/team-010\",\"prod/team-011\"]"`,
		`level=INFO msg="Incident ended" id=ID logins=fail reason=vault_sealed component=vault object=https://vault-us.example.com ending=recovered duration=2m18s targets=60 names="[\"prod/team-000\",\"prod/team-001\",\"prod/team-002\",\"prod/team-003\",\"prod/team-004\",\"prod/team-005\",\"prod/team-006\",\"prod/team-007\",\"prod/team-008\",\"prod/team-009\",\"prod/team-010\",\"prod/team-011\"]"`,
		`level=INFO msg="Incident ended" id=ID logins=fail reason=role_missing component=role object="https://vault-eu.example.com auth/k8s/team-070/role/canary" ending=recovered duration=2m0s targets=1 names="[\"prod/team-070\"]"`,
		`level=INFO msg="Incident ended" id=ID logins=unknown reason=canary_expired component=canary object=https://api-080.example.com ending=recovered duration=2m0s targets=1 names="[\"prod/team-080\"]"`,
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), " ") // the time
		before, after, _ := strings.Cut(line, " id=")
		_, after, _ = strings.Cut(after, " ")
		got = append(got, before+" id=ID "+after)
	}
	for n := range max(len(want), len(got)) {
		if n >= len(want) || n >= len(got) || want[n] != got[n] {
			t.Fatalf("line %d:\ngot\n%s\nwant\n%s", n, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// A reader of the log sees where a command ends, in both formats.
func TestLogKeepsCommandsApart(t *testing.T) {
	result := probe.Result{Target: evidence.Target{Name: "a"}, Diagnosis: diagnose.Diagnosis{Verdict: diagnose.Verdict{
		Reason: diagnose.VaultSealed, Advice: diagnose.Advice{Fix: []string{`export VAULT_ADDR='https://a'`, `vault operator unseal <key> && echo "done"`}},
	}}}
	for name, test := range map[string]struct {
		handler func(*bytes.Buffer) slog.Handler
		want    string
	}{
		"logfmt": {
			func(out *bytes.Buffer) slog.Handler { return slog.NewTextHandler(out, nil) },
			`fix="[\"export VAULT_ADDR='https://a'\",\"vault operator unseal <key> && echo \\\"done\\\"\"]"`,
		},
		"json": {
			func(out *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(out, nil) },
			`"fix":["export VAULT_ADDR='https://a'","vault operator unseal <key> && echo \"done\""]`,
		},
	} {
		var out bytes.Buffer
		logIncident(slog.New(test.handler(&out)), status.Links{}, incident.Change{Kind: incident.Began}, &result)
		if !strings.Contains(out.String(), test.want) {
			t.Errorf("%s:\ngot  %swant %s", name, out.String(), test.want)
		}
	}
}

// A target that is removed has not recovered; the page says so.
func TestReloadEndsIncidents(t *testing.T) {
	w := probetest.NewWorld(t)
	w.Vault.Change(func(v *probetest.Vault) { v.Sealed = true })
	setTarget(t, w.Target)
	t.Setenv("EXPORTER_INTERVAL", "1m") // no second run within this test
	t.Setenv("EXPORTER_STATUS_PAGE", "true")
	file := newTargetsFile(t, listed("kept", "removed"))
	s := startServing(t)
	said := func(line string) func() bool { return func() bool { return strings.Contains(s.out.String(), line) } }
	s.eventually("first round", said(`msg="First round of probes completed" targets=2 healthy=0 incidents=1`))
	file.write(listed("kept"))
	s.eventually("reload", said(`msg="Configuration reloaded"`))
	if said("Incident ended")() {
		t.Errorf("the incident of the other target ended:\n%s", s.out)
	}
	w.Vault.Change(func(v *probetest.Vault) { v.Sealed = false })
	file.write(listed("added"))
	s.eventually("end", said(`msg="Incident ended"`))
	if !said("ending=removed")() || !said("targets=2")() {
		t.Errorf("the incident did not end by removal:\n%s", s.out)
	}
	s.eventually("incident in the API", func() bool {
		_, body := s.get(s.metrics, "/api/v1/incidents")
		return strings.Contains(body, `"incidents": []`) && strings.Contains(body, `"ending": "removed"`)
	})
	if n := strings.Count(s.out.String(), fmt.Sprintf("msg=%q", "Incident began")); n != 1 {
		t.Errorf("%d incidents began, want 1:\n%s", n, s.out)
	}
}

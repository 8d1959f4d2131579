package diagnose

import (
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// For any evidence, the verdict has a reason with a spec, an explanation and a component.
func TestDiagnoseIsTotal(t *testing.T) {
	failures := []evidence.Failure{
		{}, {Class: evidence.ClassDNS}, {Class: evidence.ClassTimeout}, {Class: evidence.ClassCanceled}, {Class: evidence.ClassRedirect}, {Class: evidence.ClassMissing}, {Class: evidence.ClassMalformed},
		{Class: evidence.ClassRefused, Status: 401}, {Class: evidence.ClassRefused, Status: 403, Text: evidence.TextBare403}, {Class: evidence.ClassRefused, Status: 418, Text: "teapot"},
		{Class: evidence.ClassRefused, Status: 429}, {Class: evidence.ClassRefused, Status: 500}, {Class: evidence.ClassRefused, Status: 200},
	}
	states := []evidence.State{evidence.NotAsked, evidence.Answered, evidence.Failed}
	for _, login := range states {
		for _, review := range states {
			for _, health := range states {
				for _, f := range failures {
					e := evidence.Evidence{At: time.Unix(1e9, 0)}
					e.Login = evidence.Fact[evidence.Login]{State: login, Failure: f}
					e.Review = evidence.Fact[evidence.Review]{State: review, Failure: f}
					e.Health = evidence.Fact[evidence.Health]{State: health, Failure: f}
					checkVerdict(t, Diagnose(evidence.Target{}, e), e)
				}
			}
		}
	}
}

func checkVerdict(t *testing.T, d Diagnosis, e evidence.Evidence) {
	t.Helper()
	if _, known := specOf[d.Reason]; !known || d.Detail == "" || d.Certainty == "" {
		t.Errorf("verdict %+v for %+v", d.Verdict, e)
	}
	if (d.Reason == None) != e.Login.Ok() {
		t.Errorf("the reason is %s for the login %+v: only a successful login is healthy", d.Reason, e.Login)
	}
}

func TestNoEvidenceIsNotHealthy(t *testing.T) {
	if status := Reason("").LoginStatus(); status != LoginsFail {
		t.Errorf("no reason has the login status %s", status)
	}
	if d := Diagnose(evidence.Target{}, evidence.Evidence{}); d.Reason != Unexplained || d.Reviewer.Reason != "" {
		t.Errorf("without evidence the reason is %s, the reviewer's is %q", d.Reason, d.Reviewer.Reason)
	}
}

// If there are two faults, the verdict names the cause, not the symptom.
func TestCauseBeforeSymptom(t *testing.T) {
	bare := evidence.Fact[evidence.Login]{State: evidence.Failed, Failure: evidence.Failure{Class: evidence.ClassRefused, Status: 403, Text: evidence.TextBare403}}
	mountThere := evidence.FollowUps{MountProbe: evidence.Fact[evidence.Refusal]{State: evidence.Answered, Value: evidence.Refusal{Status: 400, Text: `invalid role name "x"`}}}
	mountGone := evidence.FollowUps{MountProbe: evidence.Fact[evidence.Refusal]{State: evidence.Answered, Value: evidence.Refusal{Status: 403, Text: evidence.TextBare403}}}
	forbidden := evidence.Fact[evidence.Review]{State: evidence.Failed, Failure: evidence.Failure{Class: evidence.ClassRefused, Status: 403, Text: "forbidden: User"}}
	sealed := evidence.Fact[evidence.Health]{State: evidence.Answered, Value: evidence.Health{Initialized: true, Sealed: true}}
	well := evidence.Fact[evidence.Health]{State: evidence.Answered, Value: evidence.Health{Initialized: true}}
	saysSealed := evidence.Fact[evidence.Login]{State: evidence.Failed, Failure: evidence.Failure{Class: evidence.ClassRefused, Status: 503, Text: evidence.TextSealed}}
	noCanary := evidence.Fact[evidence.Claims]{State: evidence.Failed, Failure: evidence.Failure{Class: evidence.ClassMissing, Text: "no such file"}}
	for _, test := range []struct {
		name string
		e    evidence.Evidence
		want Reason
	}{
		{"mount missing and reviewer forbidden", evidence.Evidence{Login: bare, Health: well, Review: forbidden, FollowUps: mountGone}, MountMissing},
		{"reviewer forbidden", evidence.Evidence{Login: bare, Health: well, Review: forbidden, FollowUps: mountThere}, ReviewerForbidden},
		{"sealed and reviewer forbidden", evidence.Evidence{Login: saysSealed, Health: sealed, Review: forbidden}, VaultSealed},
		{"sealed and no canary", evidence.Evidence{CanaryToken: noCanary, Health: sealed, Review: forbidden}, VaultSealed},
		{"another node sealed", evidence.Evidence{Login: bare, Health: sealed, Review: forbidden, FollowUps: mountThere}, ReviewerForbidden},
		{"no canary and reviewer forbidden", evidence.Evidence{CanaryToken: noCanary, Health: well, Review: forbidden}, CanaryTokenMissing},
		{"logged in, all else down", evidence.Evidence{Login: evidence.Fact[evidence.Login]{State: evidence.Answered}, Health: sealed, Review: forbidden}, None},
	} {
		if got := Diagnose(evidence.Target{}, test.e); got.Reason != test.want {
			t.Errorf("%s: %s (%s), want %s", test.name, got.Reason, got.Detail, test.want)
		}
	}
}

func TestExpiryHasLeeway(t *testing.T) {
	now := time.Unix(1e9, 0)
	unauthorized := evidence.Fact[evidence.Review]{State: evidence.Failed, Failure: evidence.Failure{Class: evidence.ClassRefused, Status: 401}}
	for ago, want := range map[time.Duration]Reason{
		30 * time.Second: ReviewerUnauthorized, // within the 60 s that the API server allows
		61 * time.Second: ReviewerExpired,
	} {
		e := evidence.Evidence{At: now, Review: unauthorized, ReviewerToken: evidence.Fact[evidence.Claims]{State: evidence.Answered, Value: evidence.Claims{Expires: now.Add(-ago)}}}
		if got := Diagnose(evidence.Target{}, e).Reviewer.Reason; got != want {
			t.Errorf("expired %s ago: %s, want %s", ago, got, want)
		}
	}
}

// Nothing is proven that something else in the evidence, or not in it, would explain as well.
func TestWhatElseExplainsIt(t *testing.T) {
	refused := func(status int, text string) evidence.Fact[evidence.Login] {
		return evidence.Fact[evidence.Login]{State: evidence.Failed, Failure: evidence.Failure{Class: evidence.ClassRefused, Status: status, Text: text}}
	}
	sealed := evidence.Evidence{Login: refused(503, evidence.TextSealed)}
	withHealth := sealed
	withHealth.Health = evidence.Fact[evidence.Health]{State: evidence.Answered, Value: evidence.Health{Initialized: true, Sealed: true}}

	forbidden := evidence.Evidence{Login: refused(403, evidence.TextBare403)}
	forbidden.Review = evidence.Fact[evidence.Review]{State: evidence.Failed, Failure: evidence.Failure{Class: evidence.ClassRefused, Status: 403, Text: "forbidden: User"}}
	answered := func(status int, text string) evidence.Fact[evidence.Refusal] {
		return evidence.Fact[evidence.Refusal]{State: evidence.Answered, Value: evidence.Refusal{Status: status, Text: text}}
	}
	forbidden.FollowUps.MountProbe, forbidden.FollowUps.RoleProbe = answered(400, evidence.TextInvalidRole), answered(403, evidence.TextExpired)
	disabled := forbidden
	disabled.FollowUps.Entity = evidence.Fact[evidence.Entity]{State: evidence.Answered, Value: evidence.Entity{Exists: true, Disabled: true}}
	for name, test := range map[string]struct {
		e         evidence.Evidence
		reason    Reason
		certainty Certainty
	}{
		"sealed":                               {withHealth, VaultSealed, Proven},
		"sealed, or not initialised":           {sealed, VaultSealed, ByElimination},
		"the reviewer":                         {forbidden, ReviewerForbidden, Proven},
		"the reviewer, or the canary's entity": {disabled, ReviewerForbidden, ByElimination},
	} {
		if d := Diagnose(evidence.Target{}, test.e); d.Reason != test.reason || d.Certainty != test.certainty {
			t.Errorf("%s: %s, %s; want %s, %s", name, d.Reason, d.Certainty, test.reason, test.certainty)
		}
	}
}

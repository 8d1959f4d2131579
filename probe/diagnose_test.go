package probe

import (
	"testing"
	"time"
)

// Whatever was seen, the verdict is one of the catalogue's, explained and owned.
func TestDiagnoseIsTotal(t *testing.T) {
	failures := []Failure{
		{}, {Class: ClassDNS}, {Class: ClassTimeout}, {Class: ClassCanceled}, {Class: ClassRedirect}, {Class: ClassMissing}, {Class: ClassMalformed},
		{Class: ClassRefused, Status: 401}, {Class: ClassRefused, Status: 403, Text: textBare403}, {Class: ClassRefused, Status: 418, Text: "teapot"},
		{Class: ClassRefused, Status: 429}, {Class: ClassRefused, Status: 500}, {Class: ClassRefused, Status: 200},
	}
	states := []State{NotAsked, Answered, Failed}
	for _, login := range states {
		for _, review := range states {
			for _, health := range states {
				for _, f := range failures {
					e := Evidence{At: time.Unix(1e9, 0)}
					e.Login = Fact[Login]{State: login, Failure: f}
					e.Review = Fact[Review]{State: review, Failure: f}
					e.Health = Fact[Health]{State: health, Failure: f}
					checkVerdict(t, Diagnose(Target{}, e), e)
				}
			}
		}
	}
}

func checkVerdict(t *testing.T, d Diagnosis, e Evidence) {
	t.Helper()
	if _, known := catalogue[d.Reason]; !known || d.Detail == "" || d.Certainty == "" {
		t.Errorf("verdict %+v for %+v", d.Verdict, e)
	}
	if (d.Reason == None) != e.Login.Ok() {
		t.Errorf("healthy and logged in differ: %s for %+v", d.Reason, e.Login)
	}
}

func TestNothingSeenIsNotHealthy(t *testing.T) {
	if (Result{}).Healthy() {
		t.Error("the zero Result is healthy")
	}
	if d := Diagnose(Target{}, Evidence{}); d.Reason != Unexplained || d.Reviewer.Reason != "" {
		t.Errorf("no evidence is judged as %s, reviewer %q", d.Reason, d.Reviewer.Reason)
	}
}

func TestCatalogueIsComplete(t *testing.T) {
	for _, reason := range Reasons() {
		row := catalogue[reason]
		if row.component == "" || row.component == ComponentNone || row.title == "" || row.advise == nil {
			t.Errorf("the row of %s lacks something: %+v", reason, row)
		}
		if lines := reason.advice(Target{}, Evidence{}); len(lines) == 0 {
			t.Errorf("%s has no advice", reason)
		}
	}
	if len(Reasons()) != len(catalogue)-1 {
		t.Errorf("%d reasons are listed of %d", len(Reasons()), len(catalogue)-1)
	}
}

// Two faults at once: the cause is named, not the symptom.
func TestCauseBeforeSymptom(t *testing.T) {
	bare := Fact[Login]{State: Failed, Failure: Failure{Class: ClassRefused, Status: 403, Text: textBare403}}
	mountThere := FollowUps{MountProbe: Fact[Refusal]{State: Answered, Value: Refusal{400, `invalid role name "x"`}}}
	mountGone := FollowUps{MountProbe: Fact[Refusal]{State: Answered, Value: Refusal{403, textBare403}}}
	forbidden := Fact[Review]{State: Failed, Failure: Failure{Class: ClassRefused, Status: 403, Text: "forbidden: User"}}
	sealed := Fact[Health]{State: Answered, Value: Health{Initialized: true, Sealed: true}}
	well := Fact[Health]{State: Answered, Value: Health{Initialized: true}}
	saysSealed := Fact[Login]{State: Failed, Failure: Failure{Class: ClassRefused, Status: 503, Text: textSealed}}
	noCanary := Fact[Claims]{State: Failed, Failure: Failure{Class: ClassMissing, Text: "no such file"}}
	for _, test := range []struct {
		name string
		e    Evidence
		want Reason
	}{
		{"mount missing and reviewer forbidden", Evidence{Login: bare, Health: well, Review: forbidden, FollowUps: mountGone}, MountMissing},
		{"reviewer forbidden", Evidence{Login: bare, Health: well, Review: forbidden, FollowUps: mountThere}, ReviewerForbidden},
		{"sealed and reviewer forbidden", Evidence{Login: saysSealed, Health: sealed, Review: forbidden}, VaultSealed},
		{"sealed and no canary", Evidence{CanaryToken: noCanary, Health: sealed, Review: forbidden}, VaultSealed},
		{"another node sealed", Evidence{Login: bare, Health: sealed, Review: forbidden, FollowUps: mountThere}, ReviewerForbidden},
		{"no canary and reviewer forbidden", Evidence{CanaryToken: noCanary, Health: well, Review: forbidden}, CanaryTokenMissing},
		{"logged in, all else down", Evidence{Login: Fact[Login]{State: Answered}, Health: sealed, Review: forbidden}, None},
	} {
		if got := Diagnose(Target{}, test.e); got.Reason != test.want {
			t.Errorf("%s: %s (%s), want %s", test.name, got.Reason, got.Detail, test.want)
		}
	}
}

func TestExpiryLeavesLeeway(t *testing.T) {
	now := time.Unix(1e9, 0)
	unauthorized := Fact[Review]{State: Failed, Failure: Failure{Class: ClassRefused, Status: 401}}
	for ago, want := range map[time.Duration]Reason{
		30 * time.Second: ReviewerUnauthorized, // within the 60 s that the API server allows
		61 * time.Second: ReviewerExpired,
	} {
		e := Evidence{At: now, Review: unauthorized, ReviewerToken: Fact[Claims]{State: Answered, Value: Claims{Expires: now.Add(-ago)}}}
		if got := Diagnose(Target{}, e).Reviewer.Reason; got != want {
			t.Errorf("expired %s ago: %s, want %s", ago, got, want)
		}
	}
}

func TestFollowUpsHoldForTenMinutes(t *testing.T) {
	now := time.Unix(1e9, 0)
	e := Evidence{At: now}
	for age, want := range map[time.Duration]bool{9 * time.Minute: true, 10 * time.Minute: false} {
		m := Memory{fingerprint: e.fingerprint(), followUps: FollowUps{At: now.Add(-age)}}
		if _, holds := m.followUpsFor(e); holds != want {
			t.Errorf("after %s the follow-ups hold: %t, want %t", age, holds, want)
		}
	}
}

func TestFollowUpsAreOfOneToken(t *testing.T) {
	now := time.Unix(1e9, 0)
	of := func(uid string) Evidence {
		return Evidence{At: now, ReviewerToken: Fact[Claims]{State: Answered, Value: Claims{UID: uid}}}
	}
	m := Memory{fingerprint: of("old").fingerprint(), followUps: FollowUps{At: now}}
	if _, holds := m.followUpsFor(of("old")); !holds {
		t.Error("the follow-ups do not hold for the same token")
	}
	if _, holds := m.followUpsFor(of("new")); holds {
		t.Error("what was found out about one reviewer token is held against another")
	}
}

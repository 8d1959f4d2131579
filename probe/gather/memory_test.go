package gather

import (
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func answeredAt(at time.Time) evidence.FollowUps {
	return evidence.FollowUps{RoleProbe: evidence.Fact[evidence.Refusal]{State: evidence.Answered, At: at}}
}

func TestFollowUpsAreCarriedOverForTenMinutes(t *testing.T) {
	now := time.Unix(1e9, 0)
	e := evidence.Evidence{At: now}
	for age, want := range map[time.Duration]bool{9 * time.Minute: true, 10 * time.Minute: false} {
		m := Memory{fingerprint: fingerprintOf(&e), followUps: answeredAt(now.Add(-age))}
		got := m.followUpsFor(&e).RoleProbe
		if got.Ok() != want || got.Carried != want {
			t.Errorf("after %s: carried over %t, marked as carried %t, want %t", age, got.Ok(), got.Carried, want)
		}
	}
}

func TestFollowUpsAreCarriedOverForOneToken(t *testing.T) {
	now := time.Unix(1e9, 0)
	of := func(uid string) evidence.Evidence {
		return evidence.Evidence{At: now, ReviewerToken: evidence.Fact[evidence.Claims]{State: evidence.Answered, Value: evidence.Claims{UID: uid}}}
	}
	m := Memory{fingerprint: fingerprintOf(new(of("old"))), followUps: answeredAt(now)}
	if !m.followUpsFor(new(of("old"))).RoleProbe.Ok() {
		t.Error("the result is not carried over for the same token")
	}
	if m.followUpsFor(new(of("new"))).RoleProbe.Ok() {
		t.Error("the result for one reviewer token is carried over to another")
	}
}

package gather

import (
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func TestFollowUpsHoldForTenMinutes(t *testing.T) {
	now := time.Unix(1e9, 0)
	e := evidence.Evidence{At: now}
	for age, want := range map[time.Duration]bool{9 * time.Minute: true, 10 * time.Minute: false} {
		m := Notes{fingerprint: fingerprintOf(e), followUps: evidence.FollowUps{At: now.Add(-age)}}
		if _, holds := m.followUpsFor(e); holds != want {
			t.Errorf("after %s the follow-ups hold: %t, want %t", age, holds, want)
		}
	}
}

func TestFollowUpsAreOfOneToken(t *testing.T) {
	now := time.Unix(1e9, 0)
	of := func(uid string) evidence.Evidence {
		return evidence.Evidence{At: now, ReviewerToken: evidence.Fact[evidence.Claims]{State: evidence.Answered, Value: evidence.Claims{UID: uid}}}
	}
	m := Notes{fingerprint: fingerprintOf(of("old")), followUps: evidence.FollowUps{At: now}}
	if _, holds := m.followUpsFor(of("old")); !holds {
		t.Error("the follow-ups do not hold for the same token")
	}
	if _, holds := m.followUpsFor(of("new")); holds {
		t.Error("what was found out about one reviewer token is held against another")
	}
}

package gather

import (
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func answeredAt(at time.Time) evidence.FollowUps {
	return evidence.FollowUps{RoleProbe: evidence.Fact[evidence.Refusal]{State: evidence.Answered, At: at}}
}

func TestFollowUpsHoldForTenMinutes(t *testing.T) {
	now := time.Unix(1e9, 0)
	e := evidence.Evidence{At: now}
	for age, want := range map[time.Duration]bool{9 * time.Minute: true, 10 * time.Minute: false} {
		n := Notes{fingerprint: fingerprintOf(e), followUps: answeredAt(now.Add(-age))}
		got := n.followUpsFor(e).RoleProbe
		if got.Ok() != want || got.Carried != want {
			t.Errorf("after %s the answer holds: %t, marked as carried: %t, want %t", age, got.Ok(), got.Carried, want)
		}
	}
}

func TestFollowUpsAreOfOneToken(t *testing.T) {
	now := time.Unix(1e9, 0)
	of := func(uid string) evidence.Evidence {
		return evidence.Evidence{At: now, ReviewerToken: evidence.Fact[evidence.Claims]{State: evidence.Answered, Value: evidence.Claims{UID: uid}}}
	}
	n := Notes{fingerprint: fingerprintOf(of("old")), followUps: answeredAt(now)}
	if !n.followUpsFor(of("old")).RoleProbe.Ok() {
		t.Error("the answer does not hold for the same token")
	}
	if n.followUpsFor(of("new")).RoleProbe.Ok() {
		t.Error("what was found out about one reviewer token is used for another")
	}
}

package evidence

import (
	"testing"
	"time"
)

func refusal(status int, at time.Time) Fact[Refusal] {
	return Fact[Refusal]{State: Answered, Value: Refusal{Status: status}, At: at}
}

func acceptedAt(at time.Time) Fact[Refusal] {
	return Fact[Refusal]{State: Failed, Failure: Failure{Class: ClassBadResponse, Text: TextAccepted}, At: at}
}

// A token stays known until a later login is refused; what shows nothing changes nothing.
func TestNegativeAnswersReplaceEarlierOnes(t *testing.T) {
	begin := time.Unix(1e9, 0)
	earlier := NegativeCanary{ForeignKey: acceptedAt(begin), ExpiredJWT: refusal(403, begin)}
	for name, test := range map[string]struct {
		later          NegativeCanary
		refused, known bool
	}{
		"a refusal":         {NegativeCanary{ForeignKey: refusal(403, begin)}, true, true},
		"an overload":       {NegativeCanary{ForeignKey: refusal(429, begin)}, false, true},
		"a broken Vault":    {NegativeCanary{ForeignKey: refusal(500, begin)}, false, true},
		"no answer":         {NegativeCanary{ForeignKey: Fact[Refusal]{State: Failed}}, false, true},
		"nothing was asked": {NegativeCanary{}, false, true},
	} {
		refused, known := earlier.After(test.later).Refused()
		if refused != test.refused || known != test.known {
			t.Errorf("%s: refused %t, known %t, want %t, %t", name, refused, known, test.refused, test.known)
		}
	}
}

func TestNegativeAnswersAge(t *testing.T) {
	begin := time.Unix(1e9, 0)
	n := NegativeCanary{ForeignKey: refusal(403, begin), ExpiredJWT: refusal(403, begin.Add(time.Hour))}
	carried := n.Carry(begin.Add(3*time.Hour), 2*time.Hour)
	if carried.ForeignKey.State != NotAsked || !carried.ExpiredJWT.Carried {
		t.Errorf("carried over: %+v", carried)
	}
	if n.ForeignKey.State != Answered || n.ForeignKey.Carried {
		t.Errorf("the earlier answers were modified: %+v", n)
	}
	alarm := NegativeCanary{ForeignKey: acceptedAt(begin)}.Carry(begin.Add(24*time.Hour), time.Hour)
	if len(alarm.Accepted()) != 1 {
		t.Error("an alarm ended without an answer")
	}
}

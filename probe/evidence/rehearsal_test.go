package evidence

import (
	"math"
	"testing"
	"time"
)

// Vault names the pause, within bounds.
func TestBackoffOfRehearsals(t *testing.T) {
	for asked, want := range map[time.Duration]time.Duration{
		0: time.Minute, time.Second: time.Minute, 90 * time.Second: 90 * time.Second, time.Hour: 10 * time.Minute, math.MaxInt64: 10 * time.Minute,
	} {
		answered := Rehearsal{Expired: Fact[Refusal]{State: Answered, Value: Refusal{Status: 429, RetryAfter: asked}}}
		failed := Rehearsal{Unexpired: Fact[Refusal]{State: Failed, Failure: Failure{Class: ClassBadResponse, Status: 503, RetryAfter: asked}}}
		if got := answered.Backoff(); got != want {
			t.Errorf("Vault answers 429 and asks for %v: the pause is %v, want %v", asked, got, want)
		}
		if got := failed.Backoff(); got != want {
			t.Errorf("a proxy answers 503 and asks for %v: the pause is %v, want %v", asked, got, want)
		}
	}
	for _, status := range []int{400, 403} {
		if got := (Rehearsal{Expired: Fact[Refusal]{State: Answered, Value: Refusal{Status: status, RetryAfter: time.Hour}}}).Backoff(); got != 0 {
			t.Errorf("after a %d the pause is %v", status, got)
		}
	}
}

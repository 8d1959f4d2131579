package rehearse

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

var (
	prod  = &evidence.Target{Name: "prod", Vault: evidence.Vault{Addr: "https://vault", Mount: "kubernetes"}}
	start = time.Unix(1_800_000_000, 0)
)

func always(string) bool { return true }

func loginOf(role, account string) Assigned {
	return Assigned{Entry: workload.Entry{Login: workload.Login{Mount: "kubernetes", Role: role, ServiceAccount: evidence.ServiceAccount{Namespace: "shop", Name: account}}}, Target: prod}
}

func verdict(state diagnose.WorkloadState, reason diagnose.Reason) diagnose.WorkloadVerdict {
	return diagnose.WorkloadVerdict{State: state, Reason: reason}
}

var (
	isReady  = verdict(diagnose.WorkloadReady, "")
	isBroken = verdict(diagnose.WorkloadBroken, diagnose.RoleMissing)
	unknown  = verdict(diagnose.WorkloadUnknown, "")
)

// The table is the verdicts of one login in the order of its rehearsals, each 10 minutes after it
// was due, and what is published after each.
func TestVerdictsAreConfirmed(t *testing.T) {
	for name, test := range map[string]struct{ seen, published []diagnose.WorkloadVerdict }{
		"the first at once":              {[]diagnose.WorkloadVerdict{isBroken}, []diagnose.WorkloadVerdict{isBroken}},
		"a change after the second":      {[]diagnose.WorkloadVerdict{isReady, isBroken, isBroken}, []diagnose.WorkloadVerdict{isReady, isReady, isBroken}},
		"a single one never":             {[]diagnose.WorkloadVerdict{isReady, isBroken, isReady, isBroken}, []diagnose.WorkloadVerdict{isReady, isReady, isReady, isReady}},
		"two that differ confirm nobody": {[]diagnose.WorkloadVerdict{isReady, isBroken, unknown, unknown}, []diagnose.WorkloadVerdict{isReady, isReady, isReady, unknown}},
	} {
		p, now := newPlan(time.Hour), start
		p.set([]Assigned{loginOf("web", "web")}, now)
		for i, seen := range test.seen {
			now = p.order[0].due
			due := p.next("https://vault", expiredKey{}, always, now)
			if due == nil {
				t.Fatalf("%s: nothing is due at rehearsal %d", name, i)
			}
			before := due.Verdict
			p.record(due, evidence.Rehearsal{}, seen, now)
			if !due.Verdict.Agrees(test.published[i]) {
				t.Errorf("%s: after rehearsal %d %s is published, want %s", name, i, due.Verdict.State, test.published[i].State)
			}
			waits := due.due.Sub(now)
			if pending := !seen.Agrees(before) && due.Verdict.Agrees(before); pending && waits != confirmAfter || !pending && (waits <= 0 || waits > time.Hour) {
				t.Errorf("%s: after rehearsal %d the next is due in %s", name, i, waits)
			}
		}
	}
}

func TestUnchangedLoginsHaveSlots(t *testing.T) {
	p := newPlan(time.Hour)
	var logins []Assigned
	for i := range 1000 {
		logins = append(logins, loginOf(fmt.Sprintf("role-%d", i), "web"))
	}
	p.set(logins, start)
	for _, i := range p.order {
		p.record(i, evidence.Rehearsal{}, isReady, start)
	}
	perMinute := map[int]int{}
	for _, i := range p.order {
		perMinute[int(i.due.Sub(start)/time.Minute)]++
		first := i.due
		p.record(i, evidence.Rehearsal{}, isReady, first.Add(time.Second))
		if i.due.Sub(first) != time.Hour {
			t.Errorf("from one slot to the next it is %s", i.due.Sub(first))
		}
	}
	for minute, n := range perMinute {
		if n > 40 { // 17 on average
			t.Errorf("%d of 1000 logins are due in minute %d", n, minute)
		}
	}
	p.set(append(logins, loginOf("new", "web")), start.Add(time.Minute))
	if due := p.next("https://vault", expiredKey{}, always, start.Add(time.Minute)); due == nil || due.Role != "new" {
		t.Error("a new login is not due at once")
	}
}

func TestNothingIsDue(t *testing.T) {
	for name, test := range map[string]func(*plan) *item{
		"at another Vault": func(p *plan) *item { return p.next("https://other", expiredKey{}, always, start) },
		"at a target that is closed": func(p *plan) *item {
			return p.next("https://vault", expiredKey{}, func(string) bool { return false }, start)
		},
		"while Vault asks for backoff": func(p *plan) *item {
			busy := evidence.Fact[evidence.Refusal]{State: evidence.Answered, Value: evidence.Refusal{Status: 429, RetryAfter: 5 * time.Minute}}
			p.record(p.order[0], evidence.Rehearsal{Expired: busy}, unknown, start)
			return p.next("https://vault", expiredKey{}, always, start.Add(4*time.Minute))
		},
		"within a minute of an overload": func(p *plan) *item {
			busy := evidence.Fact[evidence.Refusal]{State: evidence.Answered, Value: evidence.Refusal{Status: 503, Text: "overloaded, try again later"}}
			p.record(p.order[0], evidence.Rehearsal{Expired: busy}, unknown, start)
			return p.next("https://vault", expiredKey{}, always, start.Add(59*time.Second))
		},
		"once it is gone": func(p *plan) *item {
			p.set(nil, start)
			return p.next("https://vault", expiredKey{}, always, start)
		},
	} {
		p := newPlan(time.Hour)
		p.set([]Assigned{loginOf("web", "web"), loginOf("api", "api")}, start)
		if due := test(p); due != nil {
			t.Errorf("%s, %s is due", name, due.Role)
		}
	}
}

func TestReadyFades(t *testing.T) {
	p := newPlan(time.Hour)
	p.set([]Assigned{loginOf("web", "web"), loginOf("api", "api")}, start)
	p.record(p.order[0], evidence.Rehearsal{}, isReady, start)
	p.record(p.order[1], evidence.Rehearsal{}, isBroken, start)
	for age, want := range map[time.Duration]diagnose.WorkloadState{3 * time.Hour: diagnose.WorkloadReady, 3*time.Hour + 1: diagnose.WorkloadUnknown} {
		got := p.results(start.Add(age))
		if got[0].Verdict.State != want || got[1].Verdict.State != diagnose.WorkloadBroken {
			t.Errorf("after %s: %s and %s", age, got[0].Verdict.State, got[1].Verdict.State)
		}
	}
}

// In a round that takes hours, a login that is discovered meanwhile does not wait for its end.
func TestUrgentLoginsComeFirst(t *testing.T) {
	p := newPlan(time.Hour)
	first := []Assigned{loginOf("a", "a"), loginOf("b", "b"), loginOf("c", "c")}
	p.set(first, start)
	p.record(p.order[0], evidence.Rehearsal{}, isReady, start)
	p.order[0].due = start
	later := start.Add(time.Minute)
	p.set(append(first, loginOf("new", "new")), later)
	p.record(p.order[1], evidence.Rehearsal{}, isReady, start)
	p.record(p.order[1], evidence.Rehearsal{}, isBroken, start)
	var order []string
	for range 4 {
		due := p.next("https://vault", p.order[0].expiredKey(), always, later)
		order = append(order, due.Role)
		p.record(due, evidence.Rehearsal{}, isBroken, later)
	}
	if want := []string{"b", "new", "c", "a"}; !slices.Equal(order, want) {
		t.Errorf("the order is %v, want %v", order, want)
	}
}

func TestLoginsOfOneRoleShareAnAnswer(t *testing.T) {
	p := newPlan(time.Hour)
	p.set([]Assigned{loginOf("web", "a"), loginOf("api", "a"), loginOf("web", "b")}, start)
	expiry := evidence.Fact[evidence.Refusal]{State: evidence.Answered, At: start, Value: evidence.Refusal{Status: 403, Text: evidence.TextExpired}}
	first := p.next("https://vault", expiredKey{}, always, start)
	p.record(first, evidence.Rehearsal{Expired: expiry}, isReady, start)
	second := p.next("https://vault", first.expiredKey(), always, start)
	if second.Role != first.Role {
		t.Errorf("after a login with the role %s comes one with %s", first.Role, second.Role)
	}
	if !p.expired(second, start.Add(59*time.Second)).Ok() || p.expired(second, start.Add(sharedFor)).Ok() {
		t.Errorf("the answer is not shared for %s", sharedFor)
	}
	p.record(second, evidence.Rehearsal{Expired: expiry}, isReady, start)
	second.due = start
	p.record(second, evidence.Rehearsal{Expired: expiry}, isBroken, start)
	if p.expired(second, start).Ok() {
		t.Error("a verdict would be confirmed by a shared answer")
	}
}

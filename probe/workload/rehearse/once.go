package rehearse

import (
	"context"
	"sync"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// Once rehearses each login one time and returns the results, broken ones first. canaries has a
// run of each target: where its logins fail, none is rehearsed. done is called after each login, by
// several goroutines. If the context ends, the rest is not rehearsed.
func Once(ctx context.Context, logins []Assigned, canaries map[string]probe.Result, open func(evidence.Target) (Session, error), done func()) []Result {
	results := make([]Result, len(logins))
	byVault := map[string][]int{}
	for i, a := range logins {
		vault := ""
		if a.Target != nil {
			vault = a.Target.Vault.Addr
		}
		byVault[vault] = append(byVault[vault], i)
	}
	var rehearsing sync.WaitGroup
	for _, indexes := range byVault {
		rehearsing.Go(func() {
			one := onePass{canaries: canaries, open: open}
			defer one.at.close()
			for _, i := range indexes {
				results[i] = one.result(ctx, logins[i])
				done()
			}
		})
	}
	rehearsing.Wait()
	Sort(results)
	return results
}

// onePass rehearses logins at one Vault, one after the other.
type onePass struct {
	canaries map[string]probe.Result
	open     func(evidence.Target) (Session, error)

	at       session
	shared   evidence.Fact[evidence.Refusal] // the answer to the expired JWT of sharedBy
	sharedBy expiredKey
	gaveUp   bool // Vault gave no usable answer twice in a row
}

func (o *onePass) result(ctx context.Context, a Assigned) Result {
	r := Result{Entry: a.Entry, Elsewhere: a.Elsewhere}
	why := ""
	if a.Target != nil {
		r.Target = a.Target.Name
	}
	if a.AccountMissing {
		r.Since, r.Verdict = time.Now(), a.missingAccount()
		return r
	}
	switch canary := o.canaries[r.Target]; {
	case a.Target == nil:
		why = a.unwatched()
	case canary.LoginStatus() == diagnose.LoginsFail:
		why = "the canary of this target cannot log in either: " + string(canary.Diagnosis.Reason)
	case o.gaveUp:
		why = "Vault gave no usable answer to the ones before"
	}
	if why == "" {
		rehearsal := o.rehearse(ctx, a)
		if ctx.Err() == nil {
			r.At, r.Since, r.Verdict = rehearsal.At, rehearsal.At, diagnose.JudgeRehearsal(*a.Target, rehearsal)
			return r
		}
		why = "interrupted"
	}
	r.Verdict = diagnose.WorkloadVerdict{State: diagnose.WorkloadNotRehearsed, Detail: why}
	return r
}

// rehearse rehearses a login, and once more after the pause that Vault needs.
func (o *onePass) rehearse(ctx context.Context, a Assigned) evidence.Rehearsal {
	key := expiredKey{a.Target.Name, a.Role, a.Audiences}
	if key != o.sharedBy || time.Since(o.shared.At) >= sharedFor {
		o.shared, o.sharedBy = evidence.Fact[evidence.Refusal]{}, key
	}
	claim := Claim(a.Login, *a.Target, o.canaries[a.Target.Name].Evidence)
	rehearsal := o.at.rehearse(ctx, o.open, *a.Target, claim, o.shared)
	if pause := rehearsal.Backoff(); pause > 0 && sleep(ctx, pause) {
		rehearsal = o.at.rehearse(ctx, o.open, *a.Target, claim, evidence.Fact[evidence.Refusal]{})
		o.gaveUp = rehearsal.Backoff() > 0
	}
	if evidence.CameToExpiry(rehearsal.Expired) {
		o.shared = rehearsal.Expired
	}
	return rehearsal
}

// sleep reports whether it lasted until the end.
func sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

package rehearse

import (
	"fmt"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/workload"
)

// Remembered is what another process knows of a login after a restart. It is a plain value, without
// texts and advice.
type Remembered struct {
	workload.Login
	Target string
	State  diagnose.WorkloadState
	Reason diagnose.Reason
	// At is when it was last rehearsed, Since when its verdict was first seen.
	At, Since time.Time
}

// Recall puts what another process knew of logins into use, for those that are discovered. It is
// called before Run.
func (r *Runner) Recall(remembered []Remembered) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.plan.recalled = make(map[workload.Login]Remembered, len(remembered))
	for _, one := range remembered {
		r.plan.recalled[one.Login] = one
	}
}

// Remember returns what another process should know: the verdicts that were seen, and those of an
// earlier process on logins that were not discovered yet.
func (r *Runner) Remember() []Remembered {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []Remembered
	for _, i := range r.plan.order {
		if !i.Since.IsZero() {
			all = append(all, Remembered{i.Login, i.Target, i.Verdict.State, i.Verdict.Reason, i.At, i.Since})
		}
	}
	oldest := time.Now().Add(-staleAfter * r.plan.every)
	for _, one := range r.plan.recalled {
		if one.At.After(oldest) {
			all = append(all, one)
		}
	}
	return all
}

// recall gives a new login what an earlier process knew of it. A login that was ready is rehearsed
// at its usual time, any other one now: what is wrong and how to fix it is not remembered.
func (p *plan) recall(i *item, now time.Time) {
	known, ok := p.recalled[i.Login]
	delete(p.recalled, i.Login)
	if !ok || i.target == nil || known.Target != i.Target || i.AccountMissing != (known.Reason == diagnose.ServiceAccountMissing) {
		return
	}
	i.At, i.Since = known.At, known.Since
	i.Verdict = diagnose.WorkloadVerdict{
		State: known.State, Reason: known.Reason,
		Detail: fmt.Sprintf("it was %s when it was last rehearsed, %s, before the exporter was restarted", known.State, known.At.UTC().Format(time.RFC3339)),
	}
	if known.State == diagnose.WorkloadReady && now.Sub(known.At) < p.every {
		i.due = p.slot(i, now)
	}
}

package diagnose

import (
	"fmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// WorkloadState is whether a workload will be able to log in, as far as Vault can say without
// asking the API server.
type WorkloadState string

// The states of a workload's login. The zero value is none of them.
const (
	// WorkloadReady means that Vault has checked everything that it can check by itself. The canary
	// shows whether the rest of the way works.
	WorkloadReady  WorkloadState = "ready"
	WorkloadBroken WorkloadState = "broken"
	// WorkloadUnknown means that Vault's answers do not show it.
	WorkloadUnknown WorkloadState = "unknown"
	// WorkloadNotRehearsed means that Vault was not asked.
	WorkloadNotRehearsed WorkloadState = "not_rehearsed"
)

// WorkloadStates lists every state, the worst first.
var WorkloadStates = []WorkloadState{WorkloadBroken, WorkloadUnknown, WorkloadNotRehearsed, WorkloadReady}

// ServiceAccountMissing is a reason of workloads' logins only, so it has no [Spec].
const ServiceAccountMissing Reason = "service_account_missing"

// WorkloadVerdict is the verdict on a workload's login.
type WorkloadVerdict struct {
	State WorkloadState
	// Reason is why the login is broken; empty in other states.
	Reason Reason
	// Detail is one sentence about this login.
	Detail string
	// Advice is empty unless the login is broken.
	Advice
}

// Agrees reports whether two verdicts say the same.
func (v WorkloadVerdict) Agrees(o WorkloadVerdict) bool {
	return v.State == o.State && v.Reason == o.Reason
}

// JudgeRehearsal derives the verdict on a workload's login from its rehearsal. It is a pure
// function.
func JudgeRehearsal(t evidence.Target, r evidence.Rehearsal) WorkloadVerdict {
	last := r.Last()
	switch {
	case r.Login.AccountMissing:
		return brokenLogin(t, r, ServiceAccountMissing, fmt.Sprintf("the service account %s does not exist: no pod starts with it, and the API server rejects its tokens",
			evidence.Clean(r.Login.ServiceAccount.String())))
	case r.Accepted():
		return brokenLogin(t, r, Reason(MountAcceptsInvalidToken), acceptsForged(t))
	case last.State == evidence.NotAsked:
		return WorkloadVerdict{State: WorkloadNotRehearsed, Detail: "Vault was not asked"}
	case last.Failed():
		return unknownLogin("Vault at %s gave no usable answer: %s", t.Vault.Addr, last.Failure.Error())
	case r.Unexpired.Ok() && last.Value.IsBare403():
		return WorkloadVerdict{State: WorkloadReady, Detail: fmt.Sprintf("the role %s at %s admits %s", evidence.Clean(r.Login.Role), mountPath(t), evidence.Clean(r.Login.ServiceAccount.Username()))}
	case last.Value.IsBare403() && len(r.Role.Value.CIDRs) > 0:
		return unknownLogin("the role has token_bound_cidrs that do not admit the exporter: only a login from the workload's address shows more")
	case last.Value.IsBare403():
		return unknownLogin("Vault rejects forged tokens before it looks at their times: the mount has pem_keys, the role has token_bound_cidrs that do not admit the exporter, " +
			"or Vault is older than 1.11")
	}
	return judgeRehearsalText(t, r, last.Value)
}

// judgeRehearsalText judges an answer that is not a bare 403.
func judgeRehearsalText(t evidence.Target, r evidence.Rehearsal, answer evidence.Refusal) WorkloadVerdict {
	reason, certain := loginReason(evidence.Failure{Class: evidence.ClassRefused, Status: answer.Status, Text: answer.Text})
	if reason == RoleNamespaceSelectorFailed && !evidence.Contains(answer.Text, textNoReviewer) {
		reason, certain = refineCall(reason, callReason(answer.Text), answer.Text)
	}
	said := fmt.Sprintf("Vault rejects logins at %s with the role %s as %s: %s", loginPath(t),
		evidence.Clean(r.Login.Role), evidence.Clean(r.Login.ServiceAccount.Username()), answer.Text)
	switch {
	case !certain:
		return unknownLogin("%s", said)
	case reason == MountIssuerMismatch && r.Login.IssuerAssumed:
		return unknownLogin("%s; the issuer of the cluster's tokens is not known, %s was assumed", said, r.Login.Issuer)
	case reason == RoleAudienceMismatch && r.Login.AudiencesAssumed:
		return unknownLogin("%s; the default audience of the cluster's tokens is not known", said)
	}
	switch reason.Component() {
	case ComponentRole, ComponentMount, ComponentReviewer, ComponentVaultToKubernetes:
		return brokenLogin(t, r, reason, said)
	}
	return unknownLogin("%s", said) // Vault itself, or the forged token
}

func brokenLogin(t evidence.Target, r evidence.Rehearsal, reason Reason, detail string) WorkloadVerdict {
	return WorkloadVerdict{State: WorkloadBroken, Reason: reason, Detail: detail, Advice: adviseWorkload(t, r, reason)}
}

func unknownLogin(format string, arguments ...any) WorkloadVerdict {
	return WorkloadVerdict{State: WorkloadUnknown, Detail: fmt.Sprintf(format, arguments...)}
}

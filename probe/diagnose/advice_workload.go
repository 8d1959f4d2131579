package diagnose

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// adviseWorkload returns the advice for a workload's login that is broken. The names of roles and
// accounts come from the cluster's objects, which anybody may write.
func adviseWorkload(t evidence.Target, r evidence.Rehearsal, reason Reason) Advice {
	login := r.Login
	t.Vault.Role = login.Role
	if !evidence.ValidRole(login.Role) {
		t.Vault.Role = "<role>"
	}
	e := evidence.Evidence{CanaryToken: evidence.Fact[evidence.Claims]{State: evidence.Answered, Value: evidence.Claims{
		Issuer: login.Issuer, Subject: login.ServiceAccount.Username(), Audiences: login.Audiences,
		Namespace: login.ServiceAccount.Namespace, ServiceAccount: login.ServiceAccount.Name,
	}}}
	e.Health.Value.OpenBao = login.OpenBao
	e.Login.Failure.Text = cmp.Or(r.Unexpired.Value.Text, r.Expired.Value.Text) // names Vault's reviewer, or the URL that it called
	name, namespace := login.ServiceAccount.Name, login.ServiceAccount.Namespace
	var a Advice
	switch reason {
	case ServiceAccountMissing:
		return adviseMissingAccount(login.ServiceAccount)
	case RoleMissing:
		a = adviseMissingRole(t, login)
	case RoleServiceAccountMismatch:
		a = adviseRoleName(t, name, "service-account", namespace)
	case RoleNamespaceMismatch:
		a = adviseRoleNamespace(t, namespace)
	case RoleAudienceMismatch:
		a = adviseWorkloadAudience(t, r)
	case Reason(MountAcceptsInvalidToken):
		return adviseAcceptsForged(t).at(t, e)
	default:
		return reason.Advice(t, e)
	}
	if reason != RoleMissing {
		a.Notes = append(a.Notes, sharedWrites(t, a.Fix)...)
	}
	return a.at(t, e)
}

func adviseMissingAccount(account evidence.ServiceAccount) Advice {
	in := "kubectl -n " + shell.QuoteUntrusted(account.Namespace, "namespace")
	name := " serviceaccount " + shell.QuoteUntrusted(account.Name, "service-account")
	return Advice{
		Check: []Check{{in + " get" + name, "NotFound"}},
		Fix:   []string{in + " create" + name},
		Notes: []string{
			"If the account was renamed, or its namespace deleted, correct or delete the object that names it instead.",
			"Pods that still run have tokens of the deleted account: once it exists again, restart them.",
		},
	}
}

func adviseMissingRole(t evidence.Target, login evidence.WorkloadLogin) Advice {
	words := []string{
		"write", shell.Quote(rolePath(t)),
		"bound_service_account_names=" + shell.QuoteUntrusted(login.ServiceAccount.Name, "service-account"),
		"bound_service_account_namespaces=" + shell.QuoteUntrusted(login.ServiceAccount.Namespace, "namespace"),
	}
	if len(login.Audiences) > 0 && !login.AudiencesAssumed {
		words = append(words, "audience="+shell.QuoteUntrusted(login.Audiences[0], "audience"))
	}
	return Advice{
		Check: []Check{{vault("list", shell.Quote(mountPath(t)+"/role")), "no " + shell.Quote(t.Vault.Role)}},
		Fix:   []string{vault(words...)},
		Notes: []string{"If the role was deleted, restore it with what wrote it: it had policies. The fix writes none, add token_policies. " +
			"If it is mistyped, correct the object that names it."},
	}
}

func adviseWorkloadAudience(t evidence.Target, r evidence.Rehearsal) Advice {
	audience := "<audience>"
	if len(r.Login.Audiences) > 0 {
		audience = shell.QuoteUntrusted(r.Login.Audiences[0], "audience")
	}
	required := "the audience that the role requires"
	if r.Role.Ok() {
		required = "the audience " + shell.QuoteUntrusted(r.Role.Value.Audience, "audience") + ", which the role requires"
	}
	return Advice{
		Check: []Check{readRole(t, "an audience other than "+audience)},
		Fix:   changeRole(t, `audience: "`+strings.Trim(audience, "'")+`"`),
		Notes: []string{fmt.Sprintf("A role admits one audience, so the fix breaks logins with another. Or give the workload's token %s.", required)},
	}
}

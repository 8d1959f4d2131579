package diagnose

import (
	"fmt"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// judgeAcceptsInvalid raises if a login that must be refused got a token.
func judgeAcceptsInvalid(t evidence.Target, e evidence.Evidence) (finding, bool) {
	role, call, negative := e.FollowUps.RoleProbe, e.FollowUps.CallProbe, e.NegativeCanary
	refused, answered := negative.Refused()
	switch {
	case answered && !refused:
		return acceptsNegative(t, e), true
	case evidence.Accepted(role) || evidence.Accepted(call):
		return finding{holds: true, detail: acceptsForged(t), advice: adviseAcceptsForged(t)}, true
	}
	return finding{}, answered || role.State != evidence.NotAsked || call.State != evidence.NotAsked
}

// acceptsNegative says which logins of the negative canary got a token.
func acceptsNegative(t evidence.Target, e evidence.Evidence) finding {
	var how []string
	isForged := false
	for _, login := range e.NegativeCanary.Accepted() {
		switch login {
		case evidence.ForeignKey:
			isForged = true
			how = append(how, "with the canary's claims, signed by a key that no cluster has")
		case evidence.ExpiredJWT:
			isForged = true
			how = append(how, "with a forged JWT that expired yesterday")
		case evidence.WrongAudience:
			how = append(how, "with a token for another audience than the role's")
		case evidence.OtherRole:
			how = append(how, fmt.Sprintf("with the canary's token at the diagnostic role %s, which must admit nobody", t.Vault.DiagnosticRole))
		}
	}
	f := finding{holds: true, detail: fmt.Sprintf("a login at %s that must be refused got a token: %s", loginPath(t), strings.Join(how, "; "))}
	if !isForged {
		f.advice = adviseAcceptsGenuine(t)
		return f
	}
	f.advice = adviseAcceptsForged(t)
	if c := e.Mount.Config; c.Ok() && !t.Kubernetes.IsServedAt(c.Value.Host) {
		fix := reconnect(t, e)
		f.advice.Fix, f.advice.Notes = fix.Fix, append(f.advice.Notes, fix.Notes...)
	}
	return f
}

// acceptsForged says what a token for a forged JWT means.
func acceptsForged(t evidence.Target) string {
	return fmt.Sprintf("a login at %s with a forged JWT got a token: whoever reaches Vault can log in there as any service account", loginPath(t))
}

func adviseAcceptsForged(t evidence.Target) Advice {
	return Advice{
		Check: []Check{readConfig(t, "a kubernetes_host other than "+shell.Quote(t.Kubernetes.Host))},
		Notes: []string{"An API server authenticates no JWT without a valid signature: find out what answers Vault's TokenReviews, such as another host or an authentication webhook. " +
			"Then revoke the tokens that the mount issued: vault token revoke -mode=path " + mountPath(t) + "/"},
	}
}

// adviseAcceptsGenuine returns the advice for a token of the cluster that the mount must refuse
// all the same: a role admits more than it must.
func adviseAcceptsGenuine(t evidence.Target) Advice {
	checks := []Check{readRole(t, "another audience than the canary's, or none")}
	if t.Vault.DiagnosticRole != "" {
		diagnostic := t
		diagnostic.Vault.Role = t.Vault.DiagnosticRole
		checks = append(checks, readRole(diagnostic, "bound_service_account_namespaces, or a namespace selector that the canary's namespace has"))
	}
	return Advice{
		Check: checks,
		Notes: []string{"The canary's token is genuine, so the API server is right: the role that issued the token admits more than it must. " +
			"Then revoke the tokens that the mount issued: vault token revoke -mode=path " + mountPath(t) + "/"},
	}
}

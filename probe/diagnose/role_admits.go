package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The warnings that the canary's role admits more than somebody meant it to.

// judgeRoleBinding raises if the role admits accounts that nobody has named.
func judgeRoleBinding(t evidence.Target, e evidence.Evidence) (finding, bool) {
	if !e.Mount.Role.Ok() {
		return unjudged()
	}
	r, c := e.Mount.Role.Value, e.CanaryToken.Value
	anyAccount := slices.Contains(r.Names, anyName)
	anyNamespace := slices.Contains(r.Namespaces, anyName)
	admits := "every service account of its namespaces"
	switch {
	case anyAccount && (anyNamespace || selectsAll(r.Selector)):
		admits = "every service account of the cluster"
	case anyNamespace || selectsAll(r.Selector):
		admits = "its service accounts in every namespace"
	}
	var settings []string
	var checks []Check
	narrow := func(field, name, placeholder string) {
		settings = append(settings, fmt.Sprintf(`%[1]s: (.%[1]s - ["*"] + ["%[2]s"] | unique)`, field, unquoted(name, placeholder)))
	}
	if anyAccount {
		checks = append(checks, readRole(t, "'*' in bound_service_account_names"))
		narrow("bound_service_account_names", c.ServiceAccount, "canary")
	}
	if anyNamespace {
		checks = append(checks, readRole(t, "'*' in bound_service_account_namespaces"))
	}
	if anyNamespace || selectsAll(r.Selector) {
		narrow("bound_service_account_namespaces", c.Namespace, "namespace")
	}
	if selectsAll(r.Selector) {
		checks = append(checks, readRole(t, namespaceSelector+" without a condition"))
		settings = append(settings, namespaceSelector+`: ""`)
	}
	if len(settings) == 0 {
		return finding{}, true
	}
	return finding{
		holds:  true,
		detail: fmt.Sprintf("the role %s admits %s: whoever may create one, or a pod with it, gets the role's policies", t.Vault.Role, admits),
		advice: Advice{
			Notes: []string{"The fix leaves the canary. If workloads log in with this role, name their service accounts and namespaces too, or they cannot log in any more."},
			Check: checks,
			Fix:   changeRole(t, strings.Join(settings, ", ")),
		},
	}, true
}

// judgeRoleAudience raises if the role requires no audience.
func judgeRoleAudience(t evidence.Target, e evidence.Evidence) (finding, bool) {
	if !e.Mount.Role.Ok() || e.Mount.Role.Value.Audience != "" {
		return finding{}, e.Mount.Role.Ok()
	}
	audience := "<audience>"
	if audiences := e.CanaryToken.Value.Audiences; len(audiences) == 1 {
		audience = unquoted(audiences[0], "audience")
	}
	return finding{
		holds:  true,
		detail: fmt.Sprintf("the role %s has no audience: a token of its service accounts for any audience logs in, also one that was meant for another service", t.Vault.Role),
		advice: Advice{
			Notes: []string{"A role admits one audience: the fix breaks the logins of workloads with another."},
			Check: []Check{readRole(t, "no audience")},
			Fix:   changeRole(t, `audience: "`+audience+`"`),
		},
	}, true
}

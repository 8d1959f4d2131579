package diagnose

import (
	"fmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

func adviseMountEnable(t evidence.Target, e evidence.Evidence) []string {
	var lines []string
	if t.Vault.Namespace != "" {
		lines = append(lines, fmt.Sprintf("# is the namespace %s itself there?", t.Vault.Namespace), vault("namespace", "list", "-namespace="))
	}
	return append(append(lines,
		vault("auth", "list"),
		vault("auth", "enable", "-path="+quoteTrusted(t.Vault.Mount), "kubernetes"),
	), append(adviseFirstConfig(t, e), adviseRoleWrite(t, e)...)...)
}

func adviseMountList(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		vault("auth", "list"),
		fmt.Sprintf("# EXPORTER_VAULT_MOUNT is %s: name the mount of type kubernetes", t.Vault.Mount),
	}
}

// adviseFirstConfig writes a config where there is none.
func adviseFirstConfig(t evidence.Target, _ evidence.Evidence) []string {
	return write(quoteTrusted(mountPath(t)+"/config"), assumedFields(t), nil)
}

func adviseLocalCA(t evidence.Target, e evidence.Evidence) []string {
	return writeConfig(t, e, map[string]string{"kubernetes_ca_cert": assumedFields(t)[1].value, "disable_local_ca_jwt": "true"})
}

func adviseReviewerDrift(t evidence.Target, e evidence.Evidence) []string {
	ours := reviewerField(t)
	lines := writeConfig(t, e, map[string]string{ours.name: ours.value})
	if ours.fetch == "" {
		return lines
	}
	return append([]string{ours.fetch}, lines...)
}

// adviseVaultToKubernetes mends what is likeliest, and says how to learn the cause.
func adviseVaultToKubernetes(t evidence.Target, e evidence.Evidence) []string {
	return append(adviseReviewerDrift(t, e),
		"# if that changes nothing, Vault's debug log has the cause, in a line with: login unauthorized; without such a line the canary's entity is disabled",
		vault("monitor", "-log-level=debug"))
}

func adviseMountCA(t evidence.Target, e evidence.Evidence) []string {
	return writeConfig(t, e, map[string]string{"kubernetes_ca_cert": assumedFields(t)[1].value})
}

func adviseMountHost(t evidence.Target, e evidence.Evidence) []string {
	return writeConfig(t, e, map[string]string{"kubernetes_host": quoteTrusted(t.Kubernetes.Host)})
}

func adviseMountIssuer(t evidence.Target, e evidence.Evidence) []string {
	return append([]string{
		fmt.Sprintf("# the canary's token says iss=%s; the config demands another issuer", quoteUntrusted(e.CanaryToken.Value.Issuer, "issuer")),
	}, writeConfig(t, e, map[string]string{"disable_iss_validation": "true"})...)
}

func advisePEMKeys(t evidence.Target, e evidence.Evidence) []string {
	return append([]string{"# without pem_keys Vault leaves signatures to the API server, which knows its keys:"},
		writeConfig(t, e, map[string]string{"pem_keys": ""})...)
}

func adviseMountReach(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		"# firewall, private endpoint or NetworkPolicy between Vault and the API server; this shows which host Vault asks:",
		vault("read", quoteTrusted(mountPath(t)+"/config")),
	}
}

func adviseAnnotations(_ evidence.Target, e evidence.Evidence) []string {
	return []string{
		"kubectl create clusterrole vault-auth-serviceaccounts --verb=get --resource=serviceaccounts",
		"kubectl create clusterrolebinding vault-auth-serviceaccounts --clusterrole=vault-auth-serviceaccounts --serviceaccount=" + account(e.ReviewerToken.Value, "reviewer"),
	}
}

func adviseRoleAccounts(t evidence.Target, e evidence.Evidence) []string {
	c := e.CanaryToken.Value
	return []string{
		vault("read", quoteTrusted(rolePath(t))),
		"# each list is replaced: name the others that shall stay",
		vault("write", quoteTrusted(rolePath(t)),
			"bound_service_account_names="+quoteUntrusted(c.ServiceAccount, "canary"),
			"bound_service_account_namespaces="+quoteUntrusted(c.Namespace, "namespace")),
	}
}

func adviseRolePolicies(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		vault("read", quoteTrusted(rolePath(t))),
		vault("write", quoteTrusted(rolePath(t)), "token_policies=default"),
	}
}

func adviseRoleWrite(t evidence.Target, e evidence.Evidence) []string {
	c := e.CanaryToken.Value
	write := []string{
		"write", quoteTrusted(rolePath(t)),
		"bound_service_account_names=" + quoteUntrusted(c.ServiceAccount, "canary"),
		"bound_service_account_namespaces=" + quoteUntrusted(c.Namespace, "namespace"),
	}
	if len(c.Audiences) > 0 {
		write = append(write, "audience="+quoteUntrusted(c.Audiences[0], "audience"))
	}
	return []string{vault(append(write, "token_policies=default", "token_ttl=60s")...)}
}

func adviseRoleAudience(t evidence.Target, e evidence.Evidence) []string {
	audience := "<audience>"
	if c := e.CanaryToken.Value; len(c.Audiences) > 0 {
		audience = quoteUntrusted(c.Audiences[0], "audience")
	}
	return []string{
		vault("read", quoteTrusted(rolePath(t))),
		vault("write", quoteTrusted(rolePath(t)), "audience="+audience),
		"# or give the projected token the audience that the role demands",
	}
}

func adviseNamespaceReader(_ evidence.Target, e evidence.Evidence) []string {
	return []string{
		"kubectl create clusterrole vault-auth-namespaces --verb=get --resource=namespaces",
		"kubectl create clusterrolebinding vault-auth-namespaces --clusterrole=vault-auth-namespaces --serviceaccount=" + account(e.ReviewerToken.Value, "reviewer"),
	}
}

func adviseCIDR(t evidence.Target, e evidence.Evidence) []string {
	return []string{
		vault("read", quoteTrusted(rolePath(t))),
		"# add the address that Vault sees the exporter under; the audit log has it as remote_address; an empty list admits all:",
		vault("write", quoteTrusted(rolePath(t)), "token_bound_cidrs="),
	}
}

func adviseEntity(t evidence.Target, e evidence.Evidence) []string {
	accessor := `"$(vault read -field=accessor ` + quoteTrusted("sys/auth/"+t.Vault.Mount) + `)"`
	lookup := vault("write", "-field=id", "identity/lookup/entity",
		"alias_name="+quoteUntrusted(e.CanaryToken.Value.UID, "uid"), "alias_mount_accessor="+accessor)
	return []string{vault("write", `"identity/entity/id/$(`+lookup+`)"`, "disabled=false")}
}

func adviseMFA(t evidence.Target, _ evidence.Evidence) []string {
	return []string{
		vault("list", "identity/mfa/login-enforcement"),
		fmt.Sprintf("# no pod can answer a second factor: exempt the mount %s", t.Vault.Mount),
	}
}

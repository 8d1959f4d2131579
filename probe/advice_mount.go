package probe

import "fmt"

func adviseMountEnable(t Target, e Evidence) []string {
	return append([]string{
		vaultCommand(t, "auth", "list"),
		vaultCommand(t, "auth", "enable", "-path="+own(t.Vault.Mount), "kubernetes"),
	}, append(adviseMountConfig(t, e), adviseRoleWrite(t, e)...)...)
}

func adviseMountList(t Target, _ Evidence) []string {
	return []string{
		vaultCommand(t, "auth", "list"),
		fmt.Sprintf("# EXPORTER_VAULT_MOUNT is %s: name the mount of type kubernetes", t.Vault.Mount),
	}
}

// adviseMountConfig never shows a partial write: a write replaces the whole config.
func adviseMountConfig(t Target, _ Evidence) []string {
	write := []string{"write", own(mountPath(t) + "/config"), "kubernetes_host=" + own(t.Kubernetes.Host)}
	if t.Kubernetes.CACert != "" {
		write = append(write, "kubernetes_ca_cert=@"+own(t.Kubernetes.CACert))
	}
	write = append(write, "token_reviewer_jwt=@"+own(t.Reviewer.TokenFile))
	return []string{
		"# a write replaces the whole config: repeat every field that this shows and that is still right",
		vaultCommand(t, "read", own(mountPath(t)+"/config")),
		vaultCommand(t, write...),
	}
}

func adviseMountReach(t Target, _ Evidence) []string {
	return []string{
		"# firewall, private endpoint or NetworkPolicy between Vault and the API server; this shows which host Vault asks:",
		vaultCommand(t, "read", own(mountPath(t)+"/config")),
	}
}

func adviseMountIssuer(t Target, e Evidence) []string {
	return []string{
		fmt.Sprintf("# the canary's token says iss=%s; the config demands another issuer", foreign(e.CanaryToken.Value.Issuer, "issuer")),
		"# write the whole config again with disable_iss_validation=true, which is the default since Vault 1.9",
		vaultCommand(t, "read", own(mountPath(t)+"/config")),
	}
}

func adviseAnnotations(_ Target, e Evidence) []string {
	return []string{
		"kubectl create clusterrole vault-auth-serviceaccounts --verb=get --resource=serviceaccounts",
		"kubectl create clusterrolebinding vault-auth-serviceaccounts --clusterrole=vault-auth-serviceaccounts --serviceaccount=" + account(e.ReviewerToken.Value, "reviewer"),
	}
}

func adviseRoleAccounts(t Target, e Evidence) []string {
	c := e.CanaryToken.Value
	return []string{
		vaultCommand(t, "read", own(rolePath(t))),
		"# each list is replaced: name the others that shall stay",
		vaultCommand(t, "write", own(rolePath(t)),
			"bound_service_account_names="+foreign(c.ServiceAccount, "canary"),
			"bound_service_account_namespaces="+foreign(c.Namespace, "namespace")),
	}
}

func adviseRolePolicies(t Target, _ Evidence) []string {
	return []string{
		vaultCommand(t, "read", own(rolePath(t))),
		vaultCommand(t, "write", own(rolePath(t)), "token_policies=default"),
	}
}

func adviseRoleWrite(t Target, e Evidence) []string {
	c := e.CanaryToken.Value
	write := []string{
		"write", own(rolePath(t)),
		"bound_service_account_names=" + foreign(c.ServiceAccount, "canary"),
		"bound_service_account_namespaces=" + foreign(c.Namespace, "namespace"),
	}
	if len(c.Audiences) > 0 {
		write = append(write, "audience="+foreign(c.Audiences[0], "audience"))
	}
	return []string{vaultCommand(t, append(write, "token_policies=default", "token_ttl=60s")...)}
}

func adviseRoleAudience(t Target, e Evidence) []string {
	audience := "<audience>"
	if c := e.CanaryToken.Value; len(c.Audiences) > 0 {
		audience = foreign(c.Audiences[0], "audience")
	}
	return []string{
		vaultCommand(t, "read", own(rolePath(t))),
		vaultCommand(t, "write", own(rolePath(t)), "audience="+audience),
		"# or give the projected token the audience that the role demands",
	}
}

func adviseNamespaceReader(_ Target, e Evidence) []string {
	return []string{
		"kubectl create clusterrole vault-auth-namespaces --verb=get --resource=namespaces",
		"kubectl create clusterrolebinding vault-auth-namespaces --clusterrole=vault-auth-namespaces --serviceaccount=" + account(e.ReviewerToken.Value, "reviewer"),
	}
}

func adviseMFA(t Target, _ Evidence) []string {
	return []string{
		vaultCommand(t, "list", "identity/mfa/login-enforcement"),
		fmt.Sprintf("# no pod can answer a second factor: exempt the mount %s", t.Vault.Mount),
	}
}

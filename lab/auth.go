package lab

import (
	"context"
)

// The auth method in Vault: mount, configuration and roles.

const configPath = "auth/" + mount + "/config"

// setUpAuthMethod enables the mount in v and writes its healthy config and roles. It also repairs a mount that exists.
func (l *Lab) setUpAuthMethod(ctx context.Context, v *vault) error {
	if err := v.enable(ctx, "kubernetes"); err != nil {
		return err
	}
	if err := v.post(ctx, configPath, l.healthyConfig(), nil); err != nil {
		return err
	}
	l.closeVaultsConnections()
	return v.writeRole(ctx, nil)
}

// configure writes the mount's config and closes Vault's open connections to the API server. Vault would otherwise keep
// using them, with the old CA and host.
func (l *Lab) configure(ctx context.Context, changed fields) error {
	defer l.closeVaultsConnections()
	return l.writeConfig(ctx, changed)
}

func (l *Lab) closeVaultsConnections() {
	l.kubernetesProxy.closeConnections()
	l.vaultOnlyProxy.closeConnections()
}

// writeConfig writes the healthy config with the changed fields replaced. It sends every field, because Vault resets
// those that are left out.
func (l *Lab) writeConfig(ctx context.Context, changed fields) error {
	return l.vault.post(ctx, configPath, l.healthyConfig().with(changed), nil)
}

func (l *Lab) healthyConfig() fields {
	return fields{
		"kubernetes_host":      l.kubernetesHost(),
		"kubernetes_ca_cert":   string(l.cluster.ca.PEM),
		"token_reviewer_jwt":   l.reviewer,
		"disable_local_ca_jwt": true,
	}
}

// writeRole writes the healthy canary role with the changed fields replaced and, where the plugin can have one, the
// diagnostic role. It sends every field, because Vault keeps the old value of those that are left out.
func (v *vault) writeRole(ctx context.Context, changed fields) error {
	healthy := fields{
		"bound_service_account_names":              canaryAccount.name,
		"bound_service_account_namespaces":         canaryAccount.namespace,
		"bound_service_account_namespace_selector": "",
		"audience":                canaryAccount.audience,
		"token_policies":          "default",
		"token_no_default_policy": false,
		"token_bound_cidrs":       "",
		"token_ttl":               "60s",
		"token_max_ttl":           "0s",
		"token_type":              v.installation.tokenType(),
	}
	diagnostic := fields{
		"bound_service_account_names":              canaryAccount.name,
		"bound_service_account_namespace_selector": `{"matchLabels":{"vault-k8s-auth-exporter/never":"set"}}`,
	}
	if err := v.post(ctx, rolePath(canaryRole), healthy.with(changed), nil); err != nil || !v.installation.HasSelectors() {
		return err
	}
	return v.post(ctx, rolePath(diagnosticRole), diagnostic, nil)
}

func rolePath(role string) string { return "auth/" + mount + "/role/" + role }

// logIn logs in as a pod would, but not through the proxy, and revokes the token.
func (v *vault) logIn(ctx context.Context, jwt string) error {
	var answer struct {
		Auth struct {
			Accessor string `json:"accessor"`
		} `json:"auth"`
	}
	err := v.post(ctx, "auth/"+mount+"/login", fields{"role": canaryRole, "jwt": jwt}, &answer)
	if err != nil || answer.Auth.Accessor == "" {
		return err
	}
	return v.post(ctx, "auth/token/revoke-accessor", fields{"accessor": answer.Auth.Accessor}, nil)
}

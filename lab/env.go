package lab

import "strings"

// Env is the exporter's environment, NAME=value each. It names files, so it can be shown.
func (l *Lab) Env() []string {
	return []string{
		"EXPORTER_VAULT_ADDR=https://" + l.vaultProxy.address,
		"EXPORTER_VAULT_CACERT=" + l.path("vault-ca.crt"),
		"EXPORTER_VAULT_MOUNT=" + mount,
		"EXPORTER_VAULT_ROLE=" + canaryRole,
		"EXPORTER_KUBERNETES_HOST=" + l.kubernetesHost(),
		"EXPORTER_KUBERNETES_CACERT=" + l.path("kubernetes-ca.crt"),
		"EXPORTER_REVIEWER_TOKEN_FILE=" + l.path(reviewerFile),
		"EXPORTER_CANARY_TOKEN_FILE=" + l.path(canaryFile),
	}
}

// FullEnv is Env with all optional evidence: a Vault token that may read the mount, the diagnostic role, and an identity of its own.
func (l *Lab) FullEnv() []string { return append(l.Env(), l.optionalEnv()...) }

func (l *Lab) optionalEnv() []string {
	return []string{
		"EXPORTER_VAULT_TOKEN_FILE=" + l.path(vaultFile),
		"EXPORTER_VAULT_DIAGNOSTIC_ROLE=" + diagnosticRole,
		"EXPORTER_KUBERNETES_TOKEN_FILE=" + l.path(exporterFile),
	}
}

// Expand is the environment of a fault in this lab.
func (l *Lab) Expand(env []string) []string { return expand(env, l.dir.path) }

func expand(env []string, dir string) []string {
	var expanded []string
	for _, variable := range env {
		expanded = append(expanded, strings.ReplaceAll(variable, "$LAB", dir))
	}
	return expanded
}

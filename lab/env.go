package lab

import "strings"

// Env is the exporter's environment for this lab, as NAME=value. It has paths of token files and no tokens, so it may
// be printed.
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

// FullEnv is Env plus everything that lets the exporter see more: a Vault token that may read the mount, a Kubernetes
// identity of its own and, where the plugin can have one, the diagnostic role.
func (l *Lab) FullEnv() []string { return append(l.Env(), l.optionalEnv()...) }

func (l *Lab) optionalEnv() []string {
	env := []string{
		"EXPORTER_VAULT_TOKEN_FILE=" + l.path(vaultFile),
		"EXPORTER_KUBERNETES_TOKEN_FILE=" + l.path(exporterFile),
	}
	if l.installation.HasSelectors() {
		env = append(env, "EXPORTER_VAULT_DIAGNOSTIC_ROLE="+diagnosticRole)
	}
	return env
}

// Expand replaces $LAB in a fault's environment by this lab's directory.
func (l *Lab) Expand(env []string) []string { return expand(env, l.dir.path) }

func expand(env []string, dir string) []string {
	var expanded []string
	for _, variable := range env {
		expanded = append(expanded, strings.ReplaceAll(variable, "$LAB", dir))
	}
	return expanded
}

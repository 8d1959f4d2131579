package config

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"vault-k8s-auth-exporter/probe"
)

// variable is one variable of ours and what it says of a resolved target.
type variable struct {
	name  string
	value func(probe.Target) string
}

// variables lists all of them, in the order in which they are documented.
var variables = []variable{
	{"EXPORTER_TARGET_NAME", func(t probe.Target) string { return t.Name }},
	{"EXPORTER_VAULT_ADDR", func(t probe.Target) string { return t.Vault.Addr }},
	{"EXPORTER_VAULT_CACERT", func(t probe.Target) string { return t.Vault.CACert }},
	{"EXPORTER_VAULT_TLS_SERVER_NAME", func(t probe.Target) string { return t.Vault.TLSServerName }},
	{"EXPORTER_VAULT_NAMESPACE", func(t probe.Target) string { return t.Vault.Namespace }},
	{"EXPORTER_VAULT_MOUNT", func(t probe.Target) string { return t.Vault.Mount }},
	{"EXPORTER_VAULT_ROLE", func(t probe.Target) string { return t.Vault.Role }},
	{"EXPORTER_VAULT_CLIENT_CERT", func(t probe.Target) string { return t.Vault.ClientCert }},
	{"EXPORTER_VAULT_CLIENT_KEY", func(t probe.Target) string { return t.Vault.ClientKey }},
	{"EXPORTER_VAULT_TOKEN_FILE", func(t probe.Target) string { return t.Vault.TokenFile }},
	{"EXPORTER_VAULT_ORACLE_ROLE", func(t probe.Target) string { return t.Vault.OracleRole }},
	{"EXPORTER_KUBERNETES_HOST", func(t probe.Target) string { return t.Kubernetes.Host }},
	{"EXPORTER_KUBERNETES_CACERT", func(t probe.Target) string { return t.Kubernetes.CACert }},
	{"EXPORTER_KUBERNETES_TLS_SERVER_NAME", func(t probe.Target) string { return t.Kubernetes.TLSServerName }},
	{"EXPORTER_KUBERNETES_TOKEN_FILE", func(t probe.Target) string { return t.Kubernetes.TokenFile }},
	{"EXPORTER_REVIEWER", func(t probe.Target) string { return string(t.Reviewer.Source) }},
	{"EXPORTER_REVIEWER_TOKEN_FILE", func(t probe.Target) string { return t.Reviewer.TokenFile }},
	{"EXPORTER_CANARY", func(t probe.Target) string { return string(t.Canary.Source) }},
	{"EXPORTER_CANARY_TOKEN_FILE", func(t probe.Target) string { return t.Canary.TokenFile }},
	{"EXPORTER_CANARY_AUDIENCES", func(t probe.Target) string { return strings.Join(t.Canary.Audiences, ",") }},
	{"EXPORTER_INTERVAL", func(t probe.Target) string { return t.Interval.String() }},
	{"EXPORTER_TIMEOUT", func(t probe.Target) string { return t.Timeout.String() }},
	{"EXPORTER_RECHECK_INTERVAL", func(t probe.Target) string { return t.Recheck.String() }},
	{"EXPORTER_FOLLOW_UPS", func(t probe.Target) string { return strconv.FormatBool(t.FollowUps) }},
}

// Write prints the configuration as lines VARIABLE=value, which can be sourced by
// a shell or given to a container as they are and resolve to the same again. An
// empty value is an unset variable. No value needs quotes.
func (c Config) Write(w io.Writer) error {
	for _, target := range c.Targets {
		for _, v := range variables {
			if _, err := fmt.Fprintf(w, "%s=%s\n", v.name, v.value(target)); err != nil {
				return fmt.Errorf("writing configuration: %w", err)
			}
		}
	}
	return nil
}

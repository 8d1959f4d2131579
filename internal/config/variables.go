package config

import (
	"slices"
	"strconv"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// variable is one variable of ours and what it says of what was resolved.
type variable[T any] struct {
	name  string
	value func(T) string
}

// targetVariables are those of a target, in the order of targetText.
var targetVariables = []variable[evidence.Target]{
	{"EXPORTER_TARGET_NAME", func(t evidence.Target) string { return t.Name }},
	{"EXPORTER_VAULT_ADDR", func(t evidence.Target) string { return t.Vault.Addr }},
	{"EXPORTER_VAULT_CACERT", func(t evidence.Target) string { return t.Vault.CACert }},
	{"EXPORTER_VAULT_TLS_SERVER_NAME", func(t evidence.Target) string { return t.Vault.TLSServerName }},
	{"EXPORTER_VAULT_NAMESPACE", func(t evidence.Target) string { return t.Vault.Namespace }},
	{"EXPORTER_VAULT_MOUNT", func(t evidence.Target) string { return t.Vault.Mount }},
	{"EXPORTER_VAULT_ROLE", func(t evidence.Target) string { return t.Vault.Role }},
	{"EXPORTER_VAULT_CLIENT_CERT", func(t evidence.Target) string { return t.Vault.ClientCert }},
	{"EXPORTER_VAULT_CLIENT_KEY", func(t evidence.Target) string { return t.Vault.ClientKey }},
	{"EXPORTER_VAULT_TOKEN_FILE", func(t evidence.Target) string { return t.Vault.TokenFile }},
	{"EXPORTER_VAULT_DIAGNOSTIC_ROLE", func(t evidence.Target) string { return t.Vault.DiagnosticRole }},
	{"EXPORTER_KUBERNETES_HOST", func(t evidence.Target) string { return t.Kubernetes.Host }},
	{"EXPORTER_KUBERNETES_CACERT", func(t evidence.Target) string { return t.Kubernetes.CACert }},
	{"EXPORTER_KUBERNETES_TLS_SERVER_NAME", func(t evidence.Target) string { return t.Kubernetes.TLSServerName }},
	{"EXPORTER_KUBERNETES_TOKEN_FILE", func(t evidence.Target) string { return t.Kubernetes.TokenFile }},
	{"EXPORTER_REVIEWER", func(t evidence.Target) string { return string(t.Reviewer.Source) }},
	{"EXPORTER_REVIEWER_TOKEN_FILE", func(t evidence.Target) string { return t.Reviewer.TokenFile }},
	{"EXPORTER_REVIEWER_SECRET", func(t evidence.Target) string { return t.Reviewer.Secret.String() }},
	{"EXPORTER_REVIEWER_SERVICE_ACCOUNT", func(t evidence.Target) string { return accountText(t.Reviewer.ServiceAccount) }},
	{"EXPORTER_CANARY", func(t evidence.Target) string { return string(t.Canary.Source) }},
	{"EXPORTER_CANARY_TOKEN_FILE", func(t evidence.Target) string { return t.Canary.TokenFile }},
	{"EXPORTER_CANARY_SERVICE_ACCOUNT", func(t evidence.Target) string { return accountText(t.Canary.ServiceAccount) }},
	{"EXPORTER_CANARY_AUDIENCES", func(t evidence.Target) string { return strings.Join(t.Canary.Audiences, ",") }},
	{"EXPORTER_INTERVAL", func(t evidence.Target) string { return t.Interval.String() }},
	{"EXPORTER_TIMEOUT", func(t evidence.Target) string { return t.Timeout.String() }},
	{"EXPORTER_RECHECK_INTERVAL", func(t evidence.Target) string { return t.Recheck.String() }},
	{"EXPORTER_FOLLOW_UPS", func(t evidence.Target) string { return strconv.FormatBool(t.FollowUps) }},
}

// processVariables are those of the process, in the order of processText.
var processVariables = []variable[Config]{
	{"EXPORTER_TARGETS_FILE", func(c Config) string { return c.TargetsFile }},
	{"EXPORTER_STATUS_PAGE", func(c Config) string { return string(c.StatusPage) }},
	{"EXPORTER_PROBE_API", func(c Config) string { return strconv.FormatBool(c.ProbeAPI) }},
	{"EXPORTER_MAX_IN_FLIGHT", func(c Config) string { return strconv.Itoa(c.MaxInFlight) }},
	{"EXPORTER_LEADER_ELECTION", func(c Config) string { return strconv.FormatBool(c.LeaderElection.Enabled) }},
	{"EXPORTER_LEADER_ELECTION_LEASE", func(c Config) string { return pair(c.LeaderElection.Namespace, c.LeaderElection.Name) }},
	{"EXPORTER_SHARD", func(c Config) string { return strconv.Itoa(c.Shard.Index) }},
	{"EXPORTER_TOTAL_SHARDS", func(c Config) string { return strconv.Itoa(c.Shard.Total) }},
}

// variables are the names of all variables, in the order in which they are
// documented.
var variables = slices.Concat(namesOf(targetVariables), namesOf(processVariables))

func namesOf[T any](list []variable[T]) []string {
	var names []string
	for _, v := range list {
		names = append(names, v.name)
	}
	return names
}

// pair is namespace/name, empty where there is neither.
func pair(namespace, name string) string {
	if name == "" {
		return ""
	}
	return namespace + "/" + name
}

func accountText(a evidence.ServiceAccount) string { return pair(a.Namespace, a.Name) }

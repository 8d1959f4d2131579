package config

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"vault-k8s-auth-exporter/probe"
)

// resolver makes a target of strings and collects every mistake on the way, in
// the order of the variables.
type resolver struct {
	names    map[string]string
	mistakes []error
}

// resolve fills in what the pod knows and judges every value. With a mistake the
// target is worthless.
func resolve(e environment, p pod) (probe.Target, []error) {
	r := &resolver{names: map[string]string{}}
	maps.Copy(r.names, e.names)
	target := r.target(p.fill(e, r.names))
	return target, r.mistakes
}

// take judges one value. What a check returns with an error is of no use to
// anybody: the configuration is refused.
func take[T any](r *resolver, key, value string, check func(string) (T, error)) T {
	if isCredential(value) {
		r.refuse(key, wrong("holds a credential, or what looks like one, which is not repeated here",
			"no credential in a variable: it goes into a file, and the variable names the file"))
		return *new(T)
	}
	checked, err := check(value)
	if err != nil {
		r.refuse(key, err)
	}
	return checked
}

func (r *resolver) refuse(key string, err error) {
	r.mistakes = append(r.mistakes, fmt.Errorf("%s: %w", name(r.names, key), err))
}

// wrong is one mistake: what it is, and what is allowed instead.
func wrong(what, allowed string) error {
	return errors.New(what + "; allowed: " + allowed)
}

// required refuses a variable that is not set.
func required[T any](allowed string, check func(string) (T, error)) func(string) (T, error) {
	return func(value string) (T, error) {
		if value == "" {
			return *new(T), wrong("is not set", allowed)
		}
		return check(value)
	}
}

// optional passes a variable that is not set.
func optional[T any](check func(string) (T, error)) func(string) (T, error) {
	return func(value string) (T, error) {
		if value == "" {
			return *new(T), nil
		}
		return check(value)
	}
}

func (r *resolver) target(e environment) probe.Target {
	target := probe.Target{
		Name:       take(r, "TARGET_NAME", e.TargetName, targetName),
		Vault:      r.vault(e),
		Kubernetes: r.kubernetes(e),
		Reviewer: probe.Reviewer{
			Source: take(r, "REVIEWER", e.Reviewer, source),
			TokenFile: take(r, "REVIEWER_TOKEN_FILE", e.ReviewerTokenFile,
				required("the path of the file that also feeds Vault's token_reviewer_jwt", path)),
		},
		Canary: probe.Canary{
			Source: take(r, "CANARY", e.Canary, source),
			TokenFile: take(r, "CANARY_TOKEN_FILE", e.CanaryTokenFile,
				required("the path of the file with the canary's service account token", path)),
			Audiences: take(r, "CANARY_AUDIENCES", e.CanaryAudiences, optional(audiences)),
		},
	}
	r.timing(e, &target)
	target.FollowUps = take(r, "FOLLOW_UPS", e.FollowUps, boolean)
	return target
}

func (r *resolver) vault(e environment) probe.Vault {
	vault := probe.Vault{
		Addr:          take(r, "VAULT_ADDR", e.VaultAddr, required(allowedVaultURL+" (VAULT_ADDR works too)", vaultURL)),
		CACert:        take(r, "VAULT_CACERT", e.VaultCacert, optional(certificates)),
		TLSServerName: take(r, "VAULT_TLS_SERVER_NAME", e.VaultTLSServerName, optional(serverName)),
		Namespace:     take(r, "VAULT_NAMESPACE", e.VaultNamespace, optional(namespace)),
		Mount:         take(r, "VAULT_MOUNT", e.VaultMount, mount),
		Role:          take(r, "VAULT_ROLE", e.VaultRole, required(allowedRole, role)),
		ClientCert:    take(r, "VAULT_CLIENT_CERT", e.VaultClientCert, optional(certificates)),
		ClientKey:     take(r, "VAULT_CLIENT_KEY", e.VaultClientKey, optional(privateKey)),
		TokenFile:     take(r, "VAULT_TOKEN_FILE", e.VaultTokenFile, optional(path)),
		OracleRole:    take(r, "VAULT_ORACLE_ROLE", e.VaultOracleRole, optional(role)),
	}
	r.clientPair(e, vault)
	return vault
}

// clientPair refuses half a pair, and halves that do not belong together.
func (r *resolver) clientPair(e environment, vault probe.Vault) {
	const both = "both, or neither"
	switch {
	case e.VaultClientCert == "" && e.VaultClientKey != "":
		r.refuse("VAULT_CLIENT_CERT", wrong("is not set although "+name(r.names, "VAULT_CLIENT_KEY")+" is", both))
	case e.VaultClientCert != "" && e.VaultClientKey == "":
		r.refuse("VAULT_CLIENT_KEY", wrong("is not set although "+name(r.names, "VAULT_CLIENT_CERT")+" is", both))
	case vault.ClientCert != "" && vault.ClientKey != "":
		if err := belongTogether(vault.ClientCert, vault.ClientKey); err != nil {
			r.refuse("VAULT_CLIENT_KEY", err)
		}
	}
}

func (r *resolver) kubernetes(e environment) probe.Kubernetes {
	return probe.Kubernetes{
		Host: take(r, "KUBERNETES_HOST", e.KubernetesHost,
			required(allowedKubernetesURL+", the API server that Vault's mount points at; only a pod knows one by itself", kubernetesURL)),
		CACert:        take(r, "KUBERNETES_CACERT", e.KubernetesCacert, optional(certificates)),
		TLSServerName: take(r, "KUBERNETES_TLS_SERVER_NAME", e.KubernetesTLSServerName, optional(serverName)),
		TokenFile:     take(r, "KUBERNETES_TOKEN_FILE", e.KubernetesTokenFile, optional(path)),
	}
}

// timing judges the durations, and then those that are well-formed together.
func (r *resolver) timing(e environment, t *probe.Target) {
	t.Interval = take(r, "INTERVAL", e.Interval, duration)
	t.Timeout = take(r, "TIMEOUT", e.Timeout, duration)
	t.Recheck = take(r, "RECHECK_INTERVAL", e.RecheckInterval, duration)

	if longest := t.Timeout + probe.Overrun; t.Interval > 0 && t.Timeout > 0 && t.Interval < longest {
		r.refuse("INTERVAL", wrong(
			fmt.Sprintf("%v is shorter than the longest run, %v: the %v of %s, and %v for follow-ups and revocation",
				t.Interval, longest, t.Timeout, name(r.names, "TIMEOUT"), probe.Overrun),
			fmt.Sprintf("%v or more%s", longest, orTimeout(t.Interval-probe.Overrun))))
	}
	if t.Interval > 0 && t.Recheck > t.Interval {
		r.refuse("RECHECK_INTERVAL", wrong(
			fmt.Sprintf("%v is longer than the %v of %s", t.Recheck, t.Interval, name(r.names, "INTERVAL")),
			fmt.Sprintf("%v to %v", minDuration, t.Interval)))
	}
}

// orTimeout offers the timeout that fits, where one does.
func orTimeout(fitting time.Duration) string {
	if fitting < minDuration {
		return ""
	}
	return fmt.Sprintf(", or a timeout of %v or less", fitting)
}

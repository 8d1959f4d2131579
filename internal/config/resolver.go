package config

import (
	"errors"
	"fmt"
	"time"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// resolver makes values of strings and collects every mistake on the way, in the
// order of the keys. Whoever read the strings, this is where they are judged.
type resolver struct {
	place    place
	pod      pod
	checked  pems
	mistakes []error
}

// resolve fills in what the pod knows and judges every value. With a mistake the
// target is worthless.
func resolve(text targetText, at place, p pod, checked pems) (evidence.Target, []error) {
	text, at = p.fill(text, at)
	r := &resolver{place: at, pod: p, checked: checked}
	target := r.target(text)
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

// refuse notes a mistake, unless the environment's own place has told it.
func (r *resolver) refuse(key string, err error) {
	if !r.place.refused[key] {
		r.mistakes = append(r.mistakes, &mistake{key, r.place.name(key), err})
	}
}

// mistake is one mistake: where it is, what it is, what is allowed instead.
type mistake struct {
	key, name string
	err       error
}

func (m *mistake) Error() string { return m.name + ": " + m.err.Error() }

func (m *mistake) Unwrap() error { return m.err }

// wrong is what is wrong, and what is allowed instead.
func wrong(what, allowed string) error {
	return errors.New(what + "; allowed: " + allowed)
}

// incomplete is what is wrong with values as they stand together: a value from
// another place may mend it.
func incomplete(what, allowed string) error { return &togetherWrong{wrong(what, allowed)} }

type togetherWrong struct{ error }

// required refuses a key that is not set.
func required[T any](allowed string, check func(string) (T, error)) func(string) (T, error) {
	return func(value string) (T, error) {
		if value == "" {
			return *new(T), incomplete("is not set", allowed)
		}
		return check(value)
	}
}

// optional passes a key that is not set.
func optional[T any](check func(string) (T, error)) func(string) (T, error) {
	return func(value string) (T, error) {
		if value == "" {
			return *new(T), nil
		}
		return check(value)
	}
}

func (r *resolver) target(text targetText) evidence.Target {
	target := evidence.Target{
		Name:       take(r, "TARGET_NAME", text.TargetName, targetName),
		Vault:      r.vault(text),
		Kubernetes: r.kubernetes(text),
		Reviewer:   r.reviewer(text),
		Canary:     r.canary(text),
	}
	r.identity(text, &target)
	r.timing(text, &target)
	target.FollowUps = take(r, "FOLLOW_UPS", text.FollowUps, boolean)
	return target
}

func (r *resolver) vault(text targetText) evidence.Vault {
	vault := evidence.Vault{
		Addr:           take(r, "VAULT_ADDR", text.VaultAddr, required(allowedVaultURL+" (VAULT_ADDR works too)", vaultURL)),
		CACert:         take(r, "VAULT_CACERT", text.VaultCacert, optional(r.checked.certificates)),
		TLSServerName:  take(r, "VAULT_TLS_SERVER_NAME", text.VaultTLSServerName, optional(serverName)),
		Namespace:      take(r, "VAULT_NAMESPACE", text.VaultNamespace, optional(namespace)),
		Mount:          take(r, "VAULT_MOUNT", text.VaultMount, mount),
		Role:           take(r, "VAULT_ROLE", text.VaultRole, required(allowedRole, role)),
		ClientCert:     take(r, "VAULT_CLIENT_CERT", text.VaultClientCert, optional(r.checked.certificates)),
		ClientKey:      take(r, "VAULT_CLIENT_KEY", text.VaultClientKey, optional(privateKey)),
		TokenFile:      take(r, "VAULT_TOKEN_FILE", text.VaultTokenFile, optional(path)),
		DiagnosticRole: take(r, "VAULT_DIAGNOSTIC_ROLE", text.VaultDiagnosticRole, optional(role)),
	}
	r.clientPair(text, vault)
	return vault
}

// clientPair refuses half a pair, and halves that do not belong together.
func (r *resolver) clientPair(text targetText, vault evidence.Vault) {
	const both = "both, or neither"
	switch {
	case text.VaultClientCert == "" && text.VaultClientKey != "":
		r.refuse("VAULT_CLIENT_CERT", incomplete("is not set although "+r.place.name("VAULT_CLIENT_KEY")+" is", both))
	case text.VaultClientCert != "" && text.VaultClientKey == "":
		r.refuse("VAULT_CLIENT_KEY", incomplete("is not set although "+r.place.name("VAULT_CLIENT_CERT")+" is", both))
	case vault.ClientCert != "" && vault.ClientKey != "":
		if err := belongTogether(vault.ClientCert, vault.ClientKey); err != nil {
			r.refuse("VAULT_CLIENT_KEY", err)
		}
	}
}

func (r *resolver) kubernetes(text targetText) evidence.Kubernetes {
	return evidence.Kubernetes{
		Host: take(r, "KUBERNETES_HOST", text.KubernetesHost,
			required(allowedKubernetesURL+", the API server that Vault's mount points at; only a pod knows one by itself", kubernetesURL)),
		CACert:        take(r, "KUBERNETES_CACERT", text.KubernetesCacert, optional(r.checked.certificates)),
		TLSServerName: take(r, "KUBERNETES_TLS_SERVER_NAME", text.KubernetesTLSServerName, optional(serverName)),
		TokenFile:     take(r, "KUBERNETES_TOKEN_FILE", text.KubernetesTokenFile, optional(r.tokenFor(text.KubernetesHost))),
	}
}

// timing judges the durations, and then those that are well-formed together.
func (r *resolver) timing(text targetText, t *evidence.Target) {
	t.Interval = take(r, "INTERVAL", text.Interval, duration)
	t.Timeout = take(r, "TIMEOUT", text.Timeout, duration)
	t.Recheck = take(r, "RECHECK_INTERVAL", text.RecheckInterval, duration)

	if longest := t.LongestRun(); t.Interval > 0 && t.Timeout > 0 && t.Interval < longest {
		r.refuse("INTERVAL", incomplete(
			fmt.Sprintf("%v is shorter than the longest run, %v: the %v of %s, and %v for follow-ups and revocation",
				t.Interval, longest, t.Timeout, r.place.name("TIMEOUT"), evidence.Overrun),
			fmt.Sprintf("%v or more%s", longest, orTimeout(t.Interval-evidence.Overrun))))
	}
	if t.Interval > 0 && t.Recheck > t.Interval {
		r.refuse("RECHECK_INTERVAL", incomplete(
			fmt.Sprintf("%v is longer than the %v of %s", t.Recheck, t.Interval, r.place.name("INTERVAL")),
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

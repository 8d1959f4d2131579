package soak

import (
	"slices"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/lab"
)

// A part of the lab is what a fault changes. Two faults of one part undo each other, so they never hold together.
type part string

const (
	mountPart       part = "the mount and its config, with the reviewer's token"
	bindingsPart    part = "the reviewer's bindings"
	rolePart        part = "the role"
	identityPart    part = "Vault's identities"
	canaryPart      part = "the canary's token"
	kubernetesPart  part = "the API server's address"
	certificatePart part = "Vault's certificate"
	vaultPart       part = "Vault's address and state"
)

// partsByPrefix is in order: the first prefix of a fault's name counts.
var partsByPrefix = []struct {
	prefix string
	part   part
}{
	{"canary_entity", identityPart}, {"canary_", canaryPart},
	{"kubernetes_unreachable_from_exporter", mountPart}, {"kubernetes_", kubernetesPart},
	{"reviewer_forbidden", bindingsPart}, {"reviewer_overprivileged", bindingsPart}, {"reviewer_", mountPart},
	{"role_mfa", identityPart}, {"role_", rolePart}, {"token_not_revoked", rolePart}, {"token_signing_key_", mountPart},
	{"mount_", mountPart}, {"vault_to_kubernetes_", mountPart},
	{"certificate_expiring_mount_ca", mountPart}, {"certificate_", certificatePart}, {"vault_tls_failed", vaultPart}, {"vault_tls_", certificatePart},
	{"vault_", vaultPart},
}

func partOf(f lab.Fault) part {
	for _, row := range partsByPrefix {
		if strings.HasPrefix(f.Name, row.prefix) {
			return row.part
		}
	}
	return ""
}

// pool has the faults that the schedule draws from, by part. Those that consist of the exporter's environment are left
// out: they neither come nor go.
func pool() map[part][]lab.Fault {
	faults := map[part][]lab.Fault{}
	for _, f := range lab.Faults() {
		if f.Env == nil {
			faults[partOf(f)] = append(faults[partOf(f)], f)
		}
	}
	return faults
}

// locksVault reports whether the fault takes the lab's own access away: it can then inject and heal nothing else there.
func locksVault(f lab.Fault) bool {
	return f.Name == "vault_sealed" || f.Name == "vault_internal_error"
}

// replacesVault reports whether another Vault responds while the fault holds, one in which the others do not.
func replacesVault(f lab.Fault) bool {
	return strings.HasPrefix(f.Name, "vault_no_leader") || f.Name == "vault_uninitialized"
}

// removesMount reports whether injecting or healing the fault writes the role anew.
func removesMount(f lab.Fault) bool {
	return strings.HasPrefix(f.Name, "mount_missing") || f.Name == "mount_wrong_type" || f.Name == "mount_config_missing"
}

// needsLogin reports whether the lab has to log in to inject the fault.
func needsLogin(f lab.Fault) bool {
	return slices.Contains([]string{"canary_entity_disabled", "mount_ca_mismatch", "vault_rate_limited"}, f.Name) || replacesVault(f)
}

// isFragile reports whether the fault lasts only as long as Vault's open connection, which others close.
func isFragile(f lab.Fault) bool { return f.Name == "mount_ca_mismatch" }

// joins reports whether f can be injected while the other fault holds, and be healed before it.
func joins(f, other lab.Fault) bool {
	pair := func(a, b part) bool {
		return partOf(f) == a && partOf(other) == b || partOf(f) == b && partOf(other) == a
	}
	switch {
	case partOf(f) == partOf(other), locksVault(other), replacesVault(other), needsLogin(f) && hidesLogins(other):
		return false
	case isFragile(f) || isFragile(other):
		return false
	case (removesMount(f) || removesMount(other)) && (pair(mountPart, rolePart) || pair(mountPart, identityPart)):
		return false
	case pair(canaryPart, identityPart): // an account that is created again has another identity
		return false
	}
	// vault_internal_error uses the proxy that is the host of the mount while some faults of it hold.
	return f.Name != "vault_internal_error" || partOf(other) != mountPart
}

// hidesLogins reports whether pods cannot log in while the fault holds.
func hidesLogins(f lab.Fault) bool { return f.Bare.Reason != "none" }

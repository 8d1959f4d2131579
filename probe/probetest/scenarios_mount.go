package probetest

import "vault-k8s-auth-exporter/probe"

var mountScenarios = []Scenario{
	same("mount_missing", proven(probe.MountMissing), withVault(func(v *Vault) { clear(v.Mounts) })),
	same("mount_missing_moved", proven(probe.MountMissing), withVault(func(v *Vault) {
		v.Mounts["moved"] = v.Mounts["kubernetes"]
		delete(v.Mounts, "kubernetes")
	})),
	same("mount_wrong_type", proven(probe.MountWrongType), withMount(func(m *Mount) { m.Type = "jwt" })),
	same("mount_config_missing", proven(probe.MountConfigMissing), withMount(func(m *Mount) { m.Config = nil })),
	same("mount_issuer_mismatch", proven(probe.MountIssuerMismatch),
		withConfig(func(c *Config) { c.Issuer, c.DisableISSValidation = "https://other.example", false })),
	differs("mount_pem_keys_mismatch", byElimination(probe.Unexplained), proven(probe.MountPEMKeysMismatch),
		withConfig(func(c *Config) { c.PEMKeys = []string{otherKey().PEM()} })),
	same("mount_local_ca_unreadable", proven(probe.MountLocalCAUnreadable),
		withConfig(func(c *Config) { c.CACert, c.DisableLocalCA = "", false })),
	same("mount_annotations_forbidden", proven(probe.MountAnnotationsForbidden), withConfig(func(c *Config) { c.Annotations = true })),
}

var roleScenarios = []Scenario{
	same("role_missing", proven(probe.RoleMissing), withMount(func(m *Mount) { delete(m.Roles, "canary") })),
	same("role_service_account_mismatch", proven(probe.RoleServiceAccountMismatch), withRole(func(r *Role) { r.Names = []string{"other"} })),
	same("role_namespace_mismatch", proven(probe.RoleNamespaceMismatch), withRole(func(r *Role) { r.Namespaces = []string{"other"} })),
	same("role_namespace_mismatch_selector", proven(probe.RoleNamespaceMismatch), func(w *World) {
		withRole(neverSet)(w)
		w.Kubernetes.Change(func(k *Kubernetes) {
			k.Grants[w.Reviewer.username()] = append([]string{"get namespaces"}, authDelegator...)
		})
	}),
	same("role_namespace_selector_failed", proven(probe.RoleNamespaceSelectorFailed), withRole(neverSet)),
	same("role_audience_mismatch", proven(probe.RoleAudienceMismatch), withRole(func(r *Role) { r.Audience = "other" })),
	differs("role_cidr_mismatch", byElimination(probe.Unexplained), proven(probe.RoleCIDRMismatch), withRole(fromElsewhere)),
	{Name: "role_cidr_mismatch_with_keys", Full: byElimination(probe.RoleCIDRMismatch), Arrange: func(w *World) {
		withRole(fromElsewhere)(w)
		w.Config(func(c *Config) { c.PEMKeys = []string{clusterKey().PEM()} })
	}},
	same("role_policy_invalid", proven(probe.RolePolicyInvalid), withRole(func(r *Role) { r.Policies = []string{"root"} })),
	same("role_mfa_required", proven(probe.RoleMFARequired), withMount(func(m *Mount) { m.MFA = true })),
	differs("canary_entity_disabled", byElimination(probe.VaultToKubernetesFailed), byElimination(probe.CanaryEntityDisabled),
		func(w *World) {
			w.Vault.Change(func(v *Vault) { v.DisabledEntities = []string{w.Canary.UID} })
		}),
	bare("unexplained", byElimination(probe.Unexplained), func(w *World) {
		w.DropReviewer()
		w.Target.FollowUps = false
	}),
}

func neverSet(r *Role) { r.Namespaces, r.Selector = nil, map[string]string{"never": "set"} }

func fromElsewhere(r *Role) { r.CIDRs = []string{"10.0.0.0/8"} }

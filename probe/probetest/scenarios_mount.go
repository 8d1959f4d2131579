package probetest

import "github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/diagnose"

var mountScenarios = []Scenario{
	twin("mount_missing", withVault(func(v *Vault) { clear(v.Mounts) })),
	twin("mount_missing_moved", withVault(func(v *Vault) {
		v.Mounts["moved"] = v.Mounts["kubernetes"]
		delete(v.Mounts, "kubernetes")
	})),
	same("mount_missing_no_such_namespace", byElimination(diagnose.MountMissing), inNamespace(Enterprise, "", "team-b")),
	same("mount_missing_in_root", byElimination(diagnose.MountMissing), inNamespace(OpenBao, "", "")),
	twin("mount_wrong_type", withMount(func(m *Mount) { m.Type = "approle" })),
	bare("mount_wrong_type_userpass", proven(diagnose.MountWrongType), func(w *World) {
		w.Readable()
		w.Mount(func(m *Mount) { m.Type = "userpass" })
	}),
	bare("mount_wrong_type_userpass_unread", proven(diagnose.MountWrongType), withMount(func(m *Mount) { m.Type = "userpass" })),
	differs("mount_wrong_type_unknown_text", byElimination(diagnose.MountWrongType), byElimination(diagnose.Unexplained), onLogin(400, "no one has seen this text yet")),
	same("mount_wrong_type_kerberos", proven(diagnose.MountWrongType), onLogin(500, "backend kerberos not configured")),
	same("mount_wrong_type_jwt", proven(diagnose.MountWrongType), withMount(func(m *Mount) { m.Type = "jwt" })),
	twin("mount_config_missing", withMount(func(m *Mount) { m.Config = nil })),
	twin("mount_issuer_mismatch", withConfig(func(c *Config) { c.Issuer, c.DisableISSValidation = "https://other.example", false })),
	twin("mount_pem_keys_mismatch", withConfig(func(c *Config) { c.PEMKeys = []string{otherKey().PEM()} })),
	same("mount_local_ca_unreadable", proven(diagnose.MountLocalCAUnreadable),
		withConfig(func(c *Config) { c.CACert, c.DisableLocalCA = "", false })),
	same("mount_local_ca_unreadable_permission", proven(diagnose.MountLocalCAUnreadable),
		onLogin(500, "open /var/run/secrets/kubernetes.io/serviceaccount/ca.crt: permission denied")),
	twin("mount_annotations_forbidden", withConfig(func(c *Config) { c.Annotations = true })),
}

var roleScenarios = []Scenario{
	twin("role_missing", withMount(func(m *Mount) { delete(m.Roles, "canary") })),
	twin("role_service_account_mismatch", withRole(func(r *Role) { r.Names = []string{"other"} })),
	twin("role_namespace_mismatch", withRole(func(r *Role) { r.Namespaces = []string{"other"} })),
	twin("role_namespace_mismatch_selector", func(w *World) {
		withRole(neverSet)(w)
		w.Kubernetes.Change(func(k *Kubernetes) {
			k.Grants[w.Reviewer.username()] = append([]string{"get namespaces"}, authDelegator...)
		})
	}),
	twin("role_namespace_selector_failed", withRole(neverSet)),
	twin("role_audience_mismatch", withRole(func(r *Role) { r.Audience = "other" })),
	twin("role_cidr_mismatch", withRole(fromElsewhere)),
	bare("role_cidr_mismatch_diagnostic_role", byElimination(diagnose.RoleCIDRMismatch), func(w *World) {
		w.Diagnosable()
		withRole(fromElsewhere)(w)
	}),
	{Name: "role_cidr_mismatch_with_keys", Full: byElimination(diagnose.RoleCIDRMismatch), Arrange: func(w *World) {
		withRole(fromElsewhere)(w)
		w.Config(func(c *Config) { c.PEMKeys = []string{clusterKey().PEM()} })
	}},
	{Name: "role_cidr_mismatch_unknown_version", Full: byElimination(diagnose.RoleCIDRMismatch), Arrange: func(w *World) {
		withRole(fromElsewhere)(w)
		w.OnVault("sys/health", HTML(403))
	}},
	twin("role_policy_invalid", withRole(func(r *Role) { r.Policies = []string{"root"} })),
	twin("role_mfa_required", withMount(func(m *Mount) { m.MFA = true })),
	twin("canary_entity_disabled", disableEntity),
	full("canary_entity_disabled_by_name", proven(diagnose.CanaryEntityDisabled), func(w *World) {
		withRole(func(r *Role) { r.AliasByName = true })(w)
		w.Vault.Change(func(v *Vault) { v.DisabledEntities = []string{"monitoring/canary"} })
	}),
	full("canary_entity_disabled_unread", byElimination(diagnose.CanaryEntityDisabled), func(w *World) {
		disableEntity(w)
		w.OnVault("identity/lookup/entity", Refuse(403, denied.ofToken()))
	}),
	full("canary_entity_disabled_self_review", proven(diagnose.CanaryEntityDisabled), func(w *World) {
		selfReview(w)
		w.Kubernetes.Change(func(k *Kubernetes) { k.Grants[w.Canary.username()] = authDelegator })
		disableEntity(w)
	}),
	full("unexplained_entity_enabled", byElimination(diagnose.Unexplained), func(w *World) {
		disableEntity(w)
		w.OnVault("identity/lookup/entity", JSON(200, `{"data":{"disabled":false}}`))
	}),
	bare("unexplained", byElimination(diagnose.Unexplained), func(w *World) {
		w.DropReviewer()
		w.Target.FollowUps = false
	}),
}

func disableEntity(w *World) {
	w.Vault.Change(func(v *Vault) { v.DisabledEntities = []string{w.Canary.UID} })
}

func neverSet(r *Role) { r.Namespaces, r.Selector = nil, map[string]string{"never": "set"} }

func fromElsewhere(r *Role) { r.CIDRs = []string{"10.0.0.0/8"} }

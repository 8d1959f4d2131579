package diagnose

// Component says which component has to be fixed, and so who owns the failure.
type Component string

// The components. ComponentNone is that of a healthy verdict.
const (
	ComponentNone              Component = "none"
	ComponentVault             Component = "vault"
	ComponentMount             Component = "mount"
	ComponentRole              Component = "role"
	ComponentReviewer          Component = "reviewer"
	ComponentVaultToKubernetes Component = "vault_to_kubernetes"
	ComponentKubernetes        Component = "kubernetes"
	ComponentCanary            Component = "canary"
	ComponentExporter          Component = "exporter"
	ComponentUnknown           Component = "unknown"
)

// Components lists every component that can be at fault.
var Components = []Component{
	ComponentVault, ComponentMount, ComponentRole, ComponentReviewer, ComponentVaultToKubernetes,
	ComponentKubernetes, ComponentCanary, ComponentExporter, ComponentUnknown,
}

// Reason is the one cause of a verdict, from a closed set.
type Reason string

// The reasons. Each has one row in the catalogue.
const (
	None Reason = "none"

	VaultDNS                  Reason = "vault_dns"
	VaultUnreachable          Reason = "vault_unreachable"
	VaultTimeout              Reason = "vault_timeout"
	VaultTLSUntrusted         Reason = "vault_tls_untrusted"
	VaultTLSExpired           Reason = "vault_tls_expired"
	VaultTLSName              Reason = "vault_tls_name"
	VaultTLSFailed            Reason = "vault_tls_failed"
	VaultBadResponse          Reason = "vault_bad_response"
	VaultUninitialized        Reason = "vault_uninitialized"
	VaultSealed               Reason = "vault_sealed"
	VaultNoLeader             Reason = "vault_no_leader"
	VaultRateLimited          Reason = "vault_rate_limited"
	VaultLeaseQuota           Reason = "vault_lease_quota"
	VaultOverloaded           Reason = "vault_overloaded"
	VaultRedirect             Reason = "vault_redirect"
	VaultNamespaceMissing     Reason = "vault_namespace_missing"
	VaultNamespaceUnavailable Reason = "vault_namespace_unavailable"
	VaultClockSkew            Reason = "vault_clock_skew"
	VaultInternalError        Reason = "vault_internal_error"

	MountMissing              Reason = "mount_missing"
	MountWrongType            Reason = "mount_wrong_type"
	MountConfigMissing        Reason = "mount_config_missing"
	MountIssuerMismatch       Reason = "mount_issuer_mismatch"
	MountPEMKeysMismatch      Reason = "mount_pem_keys_mismatch"
	MountLocalCAUnreadable    Reason = "mount_local_ca_unreadable"
	MountAnnotationsForbidden Reason = "mount_annotations_forbidden"

	RoleMissing                 Reason = "role_missing"
	RoleServiceAccountMismatch  Reason = "role_service_account_mismatch"
	RoleNamespaceMismatch       Reason = "role_namespace_mismatch"
	RoleNamespaceSelectorFailed Reason = "role_namespace_selector_failed"
	RoleAudienceMismatch        Reason = "role_audience_mismatch"
	RoleCIDRMismatch            Reason = "role_cidr_mismatch"
	RolePolicyInvalid           Reason = "role_policy_invalid"
	RoleMFARequired             Reason = "role_mfa_required"
	CanaryEntityDisabled        Reason = "canary_entity_disabled"

	ReviewerTokenMissing   Reason = "reviewer_token_missing"
	ReviewerTokenMalformed Reason = "reviewer_token_malformed"
	ReviewerExpired        Reason = "reviewer_expired"
	ReviewerNotYetValid    Reason = "reviewer_not_yet_valid"
	ReviewerRevoked        Reason = "reviewer_revoked"
	ReviewerWrongCluster   Reason = "reviewer_wrong_cluster"
	ReviewerWrongAudience  Reason = "reviewer_wrong_audience"
	ReviewerUnauthorized   Reason = "reviewer_unauthorized"
	ReviewerForbidden      Reason = "reviewer_forbidden"
	ReviewerDrift          Reason = "reviewer_drift"

	VaultToKubernetesUnreachable   Reason = "vault_to_kubernetes_unreachable"
	VaultToKubernetesTimeout       Reason = "vault_to_kubernetes_timeout"
	VaultToKubernetesTLS           Reason = "vault_to_kubernetes_tls"
	VaultToKubernetesMisconfigured Reason = "vault_to_kubernetes_misconfigured"
	VaultToKubernetesFailed        Reason = "vault_to_kubernetes_failed"

	KubernetesDNS          Reason = "kubernetes_dns"
	KubernetesUnreachable  Reason = "kubernetes_unreachable"
	KubernetesTimeout      Reason = "kubernetes_timeout"
	KubernetesTLSUntrusted Reason = "kubernetes_tls_untrusted"
	KubernetesTLSExpired   Reason = "kubernetes_tls_expired"
	KubernetesTLSName      Reason = "kubernetes_tls_name"
	KubernetesTLSFailed    Reason = "kubernetes_tls_failed"
	KubernetesBadResponse  Reason = "kubernetes_bad_response"
	KubernetesThrottled    Reason = "kubernetes_throttled"
	KubernetesUnavailable  Reason = "kubernetes_unavailable"

	CanaryTokenMissing   Reason = "canary_token_missing"
	CanaryTokenMalformed Reason = "canary_token_malformed"
	CanaryExpired        Reason = "canary_expired"
	CanaryNotYetValid    Reason = "canary_not_yet_valid"
	CanaryRevoked        Reason = "canary_revoked"
	CanaryWrongCluster   Reason = "canary_wrong_cluster"
	CanaryWrongAudience  Reason = "canary_wrong_audience"
	CanaryRejected       Reason = "canary_rejected"

	ExporterForbidden     Reason = "exporter_forbidden"
	ExporterInternalError Reason = "exporter_internal_error"

	Unexplained Reason = "unexplained"
)

// Certainty says how a verdict was reached.
type Certainty string

const (
	// Proven: an answer says so, and nothing else explains it.
	Proven Certainty = "proven"
	// ByElimination: every other cause that could be told apart was ruled out.
	ByElimination Certainty = "by_elimination"
)

// Component returns which component owns the reason.
func (r Reason) Component() Component { return catalogue[r].component }

// Title returns a short sentence that is the same for every target.
func (r Reason) Title() string { return catalogue[r].title }

// Runbook returns the section of the documentation on the reason, empty for None.
func (r Reason) Runbook() string {
	if r == None {
		return ""
	}
	return "docs/reasons.md#" + string(r)
}

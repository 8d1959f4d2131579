package probe

// WarningCode names a condition that does not keep pods from logging in today.
type WarningCode string

// The warnings.
const (
	ReviewerTokenExpiring             WarningCode = "reviewer_token_expiring"
	ReviewerTokenBoundToPod           WarningCode = "reviewer_token_bound_to_pod"
	ReviewerStaleCopy                 WarningCode = "reviewer_stale_copy"
	CanaryTokenTooWide                WarningCode = "canary_token_too_wide"
	CertificateExpiring               WarningCode = "certificate_expiring"
	RoleTTLTooLong                    WarningCode = "role_ttl_too_long"
	TokenNotRevoked                   WarningCode = "token_not_revoked"
	KubernetesUnreachableFromExporter WarningCode = "kubernetes_unreachable_from_exporter"
	ClockSkew                         WarningCode = "clock_skew"
)

// Warning is one condition as one run judged it. A condition that could not be
// judged has no Warning at all.
type Warning struct {
	Code   WarningCode
	Raised bool
	// Detail is one sentence with the target's own names; empty where not raised.
	Detail string
	// Fix lists the lines that mend it; empty where not raised.
	Fix []string
}

package lab

import (
	"context"
	"slices"
)

func reviewerFaults() []Fault {
	return slices.Concat(reviewerTokenFaults(), reviewerAccessFaults(), reviewerDriftFaults(), reviewerWarnings())
}

// reviewerTokenFaults give the exporter and Vault the same token, which the API server rejects.
func reviewerTokenFaults() []Fault {
	fault := func(name, summary string, bare, full Verdict, token tokenFunc) Fault {
		return Fault{Name: name, Summary: "the reviewer's token, in the file and in Vault, " + summary,
			Bare: bare, Full: full, Inject: setReviewerToken(token), Heal: healReviewer}
	}
	unauthorized, revoked := proven("reviewer_unauthorized"), proven("reviewer_revoked")
	return []Fault{
		fault("reviewer_expired", "expired yesterday", proven("reviewer_expired"), Verdict{}, expiredToken),
		fault("reviewer_not_yet_valid", "is valid from tomorrow", proven("reviewer_not_yet_valid"), Verdict{}, notYetValidToken),
		fault("reviewer_revoked", "is bound to a pod that was deleted", byElimination("reviewer_revoked"), revoked, deletedPodToken),
		fault("reviewer_revoked_account_deleted", "belongs to a service account that was deleted", unauthorized, revoked, deletedAccountToken),
		fault("reviewer_revoked_account_recreated", "belongs to a service account that was deleted and created again", unauthorized, revoked, recreatedAccountToken),
		fault("reviewer_revoked_legacy_secret", "comes from a Secret that was deleted", byElimination("reviewer_revoked"), revoked, deletedLegacySecretToken),
		fault("reviewer_revoked_legacy_secret_unused", "comes from a Secret that the cluster has marked as unused for a year", byElimination("reviewer_revoked"), revoked, unusedLegacySecretToken),
		fault("reviewer_revoked_secret", "is bound to a Secret that was deleted", byElimination("reviewer_revoked"), revoked, deletedSecretToken),
		needing(Installation.TakesAnyReviewer, fault("reviewer_token_malformed", "is in quotes", byElimination("reviewer_token_malformed"), proven("reviewer_token_malformed"), quotedToken)),
		needing(Installation.TakesAnyReviewer, fault("reviewer_unauthorized", "is not a JWT, and unknown to the API server", unauthorized, Verdict{}, literalToken("opaque-and-unknown"))),
		fault("reviewer_wrong_audience", "has an audience that the API server does not accept", unauthorized, proven("reviewer_wrong_audience"), tokenForAudiences("somebody-else")),
		fault("reviewer_wrong_cluster", "is from another cluster", byElimination("reviewer_wrong_cluster"), proven("reviewer_wrong_cluster"), otherClusterToken),
		fault("reviewer_wrong_cluster_key", "names this cluster's issuer, but is signed with a key that the cluster no longer has", unauthorized, proven("reviewer_wrong_cluster"), otherKeyToken),
		{
			Name:    "reviewer_token_missing",
			Summary: "the reviewer's token file is removed, and the token in Vault expired yesterday",
			Bare:    byElimination("reviewer_token_missing"), Full: proven("reviewer_unauthorized"),
			Inject: sequence(setReviewerToken(expiredToken), removeTokenFile(reviewerFile)),
			Heal:   healReviewer,
		},
	}
}

// reviewerAccessFaults leave the reviewer without permission to create TokenReviews.
func reviewerAccessFaults() []Fault {
	rejected := proven("reviewer_forbidden")
	return []Fault{
		{
			Name:    "reviewer_forbidden",
			Summary: "the reviewer's ClusterRoleBinding to system:auth-delegator is deleted",
			Bare:    rejected,
			Inject:  unbindRole(reviewerBinding),
			Heal:    bindReviewer,
		},
		{
			Name:    "reviewer_forbidden_no_such_role",
			Summary: "the reviewer's ClusterRoleBinding names a ClusterRole that does not exist",
			Bare:    rejected,
			Inject:  sequence(unbindRole(reviewerBinding), bindRole(reviewerBinding.withRole("system:nonsense"))),
			Heal:    sequence(unbindRole(reviewerBinding), bindReviewer),
		},
		{
			Name:    "reviewer_forbidden_role_binding",
			Summary: "a RoleBinding, limited to its namespace, replaces the reviewer's ClusterRoleBinding",
			Bare:    rejected,
			Inject:  sequence(unbindRole(reviewerBinding), bindRole(reviewerBinding.inNamespace("vault"))),
			Heal:    sequence(unbindRole(reviewerBinding.inNamespace("vault")), bindReviewer),
		},
		{
			Name:    "reviewer_forbidden_self_review",
			Summary: "Vault has no reviewer token, and the canary, whose token the API server accepts, may not create TokenReviews",
			Bare:    rejected,
			Env:     []string{"EXPORTER_REVIEWER=canary", "EXPORTER_REVIEWER_TOKEN_FILE="},
			Inject:  sequence(setCanaryToken(tokenForAudiences(canaryAccount.audience, issuer)), unsetReviewerInVault),
			Heal:    sequence(healCanary, healConfig),
		},
	}
}

// reviewerDriftFaults make the token in Vault differ from the one in the exporter's file.
func reviewerDriftFaults() []Fault {
	unspecific, drift := byElimination("vault_to_kubernetes_failed"), proven("reviewer_drift")
	return []Fault{
		{
			Name:    "reviewer_drift",
			Summary: "the reviewer's token in Vault expired yesterday, the one in the file is valid",
			Bare:    unspecific, Full: drift,
			Inject: setReviewerTokenInVault(reviewerAccount, expiredToken),
			Heal:   healConfig,
		},
		{
			Name:    "reviewer_drift_forbidden",
			Summary: "Vault has the token of another account, which may not create TokenReviews",
			Bare:    unspecific, Full: drift,
			Inject: setReviewerTokenInVault(nobodyAccount, healthyToken),
			Heal:   healConfig,
		},
		{
			Name:    "reviewer_drift_unset",
			Summary: "the reviewer's token is removed from Vault, which then reviews each client with the client's own token",
			Bare:    unspecific, Full: drift,
			Inject: unsetReviewerInVault,
			Heal:   healConfig,
		},
		{
			Name:    "reviewer_stale_copy",
			Summary: "the reviewer's token in the file expired yesterday, the one in Vault is valid",
			Bare:    healthyWithWarning("reviewer_stale_copy"),
			Inject: func(ctx context.Context, l *Lab) error {
				token, err := expiredToken(ctx, l.cluster, reviewerAccount)
				if err != nil {
					return err
				}
				return l.write(reviewerFile, token)
			},
			Heal: healReviewer,
		},
	}
}

// reviewerWarnings are faults that do not keep pods from logging in.
func reviewerWarnings() []Fault {
	return []Fault{
		{
			Name:    "reviewer_not_checked",
			Summary: "the exporter's own identity may not create SubjectAccessReviews about the reviewer",
			Bare:    healthyWithWarning("reviewer_not_checked"),
			Env: []string{
				"EXPORTER_REVIEWER=accessreview", "EXPORTER_REVIEWER_TOKEN_FILE=",
				"EXPORTER_REVIEWER_SERVICE_ACCOUNT=" + reviewerAccount.namespace + "/" + reviewerAccount.name,
				"EXPORTER_KUBERNETES_TOKEN_FILE=$LAB/" + nobodyFile,
			},
			Inject: noChange,
			Heal:   noChange,
		},
		{
			Name:    "reviewer_overprivileged",
			Summary: "the reviewer is bound to cluster-admin",
			Bare:    healthyWithWarning("reviewer_overprivileged"),
			Inject:  bindRole(adminBinding),
			Heal:    unbindRole(adminBinding),
		},
		{
			Name:    "reviewer_overprivileged_secrets",
			Summary: "the reviewer is bound to a ClusterRole that reads Secrets",
			Bare:    healthyWithWarning("reviewer_overprivileged"),
			Inject:  bindRole(secretReaderBinding),
			Heal:    unbindRole(secretReaderBinding),
		},
		{
			Name:    "reviewer_token_bound_to_pod",
			Summary: "the reviewer's token, in the file and in Vault, is bound to a pod",
			Bare:    healthyWithWarning("reviewer_token_bound_to_pod"),
			Inject:  setReviewerToken(boundToken("Pod")),
			Heal:    healReviewer,
		},
		{
			Name:    "reviewer_token_expiring",
			Summary: "the reviewer's token, in the file and in Vault, has one hour of its 100 left",
			Bare:    healthyWithWarning("reviewer_token_expiring"),
			Inject:  setReviewerToken(expiringToken),
			Heal:    healReviewer,
		},
		{
			Name:    "token_signing_key_rotated",
			Summary: "the reviewer's token, in the file and in Vault, was signed before the cluster's signing key was rotated",
			Bare:    healthyWithWarning("token_signing_key_rotated"),
			Inject:  setReviewerToken(olderKeyToken),
			Heal:    healReviewer,
		},
	}
}

// setReviewerTokenInVault leaves the exporter's file as it is.
func setReviewerTokenInVault(a account, newToken tokenFunc) change {
	return func(ctx context.Context, l *Lab) error {
		token, err := newToken(ctx, l.cluster, a)
		if err != nil {
			return err
		}
		return l.configure(ctx, fields{"token_reviewer_jwt": token})
	}
}

var unsetReviewerInVault = setConfig(func(*Lab) fields { return fields{"token_reviewer_jwt": ""} })

// removeTokenFile removes one of the exporter's token files.
func removeTokenFile(name string) change {
	return func(_ context.Context, l *Lab) error { return removeFile(l.path(name)) }
}

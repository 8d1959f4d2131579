package lab

import (
	"context"
	"slices"
)

func reviewerFaults() []Fault {
	return slices.Concat(reviewerTokenFaults(), reviewerAccessFaults(), reviewerDriftFaults(), reviewerWarnings())
}

// reviewerTokenFaults hand a token that the API server refuses to the exporter and to Vault.
func reviewerTokenFaults() []Fault {
	fault := func(name, summary string, bare, full Verdict, token mint) Fault {
		return Fault{Name: name, Summary: "the reviewer's token, in the file and in Vault, " + summary,
			Bare: bare, Full: full, Inject: reviewer(token), Heal: healReviewer}
	}
	refused, revoked := proven("reviewer_unauthorized"), proven("reviewer_revoked")
	return []Fault{
		fault("reviewer_expired", "expired yesterday", proven("reviewer_expired"), Verdict{}, expired),
		fault("reviewer_not_yet_valid", "is valid from tomorrow", proven("reviewer_not_yet_valid"), Verdict{}, notYetValid),
		fault("reviewer_revoked", "is bound to a pod that was deleted", byElimination("reviewer_revoked"), revoked, ofGonePod),
		fault("reviewer_revoked_account_deleted", "is of a service account that was deleted", refused, revoked, ofGoneAccount),
		fault("reviewer_revoked_account_recreated", "is of a service account that was deleted and made anew", refused, revoked, ofFormerAccount),
		fault("reviewer_revoked_legacy_secret", "is of a Secret that was deleted", byElimination("reviewer_revoked"), revoked, ofGoneLegacySecret),
		fault("reviewer_revoked_secret", "is bound to a Secret that was deleted", byElimination("reviewer_revoked"), revoked, ofGoneSecret),
		fault("reviewer_token_malformed", "is in quotes", byElimination("reviewer_token_malformed"), Verdict{}, quoted),
		fault("reviewer_unauthorized", "is no JWT and not of this API server", refused, Verdict{}, verbatim("opaque-and-unknown")),
		fault("reviewer_wrong_audience", "was minted for another audience", refused, proven("reviewer_wrong_audience"), forAudiences("somebody-else")),
		fault("reviewer_wrong_cluster", "is of another cluster", byElimination("reviewer_wrong_cluster"), Verdict{}, ofAnotherCluster),
		fault("reviewer_wrong_cluster_key", "is of this issuer, and signed with a key that is no longer its own", refused, proven("reviewer_wrong_cluster"), ofAnotherKey),
		{
			Name:    "reviewer_token_missing",
			Summary: "the file of the reviewer's token is removed, and the one in Vault expired yesterday",
			Bare:    byElimination("reviewer_token_missing"),
			Inject:  inOrder(reviewer(expired), removed(reviewerFile)),
			Heal:    healReviewer,
		},
	}
}

// reviewerAccessFaults take from the reviewer what it may do.
func reviewerAccessFaults() []Fault {
	forbidden := proven("reviewer_forbidden")
	return []Fault{
		{
			Name:    "reviewer_forbidden",
			Summary: "the reviewer's ClusterRoleBinding to system:auth-delegator is deleted",
			Bare:    forbidden,
			Inject:  unbound(reviewerBinding),
			Heal:    bindReviewer,
		},
		{
			Name:    "reviewer_forbidden_no_such_role",
			Summary: "the reviewer's ClusterRoleBinding names a ClusterRole that does not exist",
			Bare:    forbidden,
			Inject:  inOrder(unbound(reviewerBinding), madeBinding(reviewerBinding.to("system:nonsense"))),
			Heal:    inOrder(unbound(reviewerBinding), bindReviewer),
		},
		{
			Name:    "reviewer_forbidden_role_binding",
			Summary: "a RoleBinding, in its namespace alone, stands in place of the reviewer's ClusterRoleBinding",
			Bare:    forbidden,
			Inject:  inOrder(unbound(reviewerBinding), madeBinding(reviewerBinding.within("vault"))),
			Heal:    inOrder(unbound(reviewerBinding.within("vault")), bindReviewer),
		},
		{
			Name:    "reviewer_forbidden_self_review",
			Summary: "Vault has no reviewer, and the canary, whose token the API server takes, may not review itself",
			Bare:    forbidden,
			Env:     []string{"EXPORTER_REVIEWER=canary", "EXPORTER_REVIEWER_TOKEN_FILE="},
			Inject:  inOrder(canary(forAudiences(canaryAccount.audience, issuer)), withoutReviewer),
			Heal:    inOrder(healCanary, healConfig),
		},
	}
}

// reviewerDriftFaults give Vault and the file different tokens.
func reviewerDriftFaults() []Fault {
	unnamed, drift := byElimination("vault_to_kubernetes_failed"), proven("reviewer_drift")
	return []Fault{
		{
			Name:    "reviewer_drift",
			Summary: "the reviewer's token in Vault expired yesterday, the one in the file is good",
			Bare:    unnamed, Full: drift,
			Inject: vaultReviewer(reviewerAccount, expired),
			Heal:   healConfig,
		},
		{
			Name:    "reviewer_drift_forbidden",
			Summary: "Vault holds the token of another account, which may not create TokenReviews",
			Bare:    unnamed, Full: drift,
			Inject: vaultReviewer(nobodyAccount, healthy),
			Heal:   healConfig,
		},
		{
			Name:    "reviewer_drift_unset",
			Summary: "the reviewer's token is gone from Vault, which has each client review itself",
			Bare:    unnamed, Full: drift,
			Inject: withoutReviewer,
			Heal:   healConfig,
		},
		{
			Name:    "reviewer_stale_copy",
			Summary: "the reviewer's token in the file expired yesterday, the one in Vault is good",
			Bare:    warned("reviewer_stale_copy"),
			Inject: func(ctx context.Context, l *Lab) error {
				token, err := expired(ctx, l.cluster, reviewerAccount)
				if err != nil {
					return err
				}
				return l.write(reviewerFile, token)
			},
			Heal: healReviewer,
		},
	}
}

// reviewerWarnings are faults with which pods go on logging in.
func reviewerWarnings() []Fault {
	return []Fault{
		{
			Name:    "reviewer_not_checked",
			Summary: "the exporter's own identity may not ask what the reviewer may",
			Bare:    warned("reviewer_not_checked"),
			Env: []string{
				"EXPORTER_REVIEWER=accessreview", "EXPORTER_REVIEWER_TOKEN_FILE=",
				"EXPORTER_REVIEWER_SERVICE_ACCOUNT=" + reviewerAccount.namespace + "/" + reviewerAccount.name,
				"EXPORTER_KUBERNETES_TOKEN_FILE=$LAB/" + nobodyFile,
			},
			Inject: nothing,
			Heal:   nothing,
		},
		{
			Name:    "reviewer_overprivileged",
			Summary: "the reviewer is bound to cluster-admin",
			Bare:    warned("reviewer_overprivileged"),
			Inject:  madeBinding(adminBinding),
			Heal:    unbound(adminBinding),
		},
		{
			Name:    "reviewer_token_bound_to_pod",
			Summary: "the reviewer's token, in the file and in Vault, dies with a pod",
			Bare:    warned("reviewer_token_bound_to_pod"),
			Inject:  reviewer(bound("Pod")),
			Heal:    healReviewer,
		},
		{
			Name:    "reviewer_token_expiring",
			Summary: "the reviewer's token, in the file and in Vault, has an hour of its hundred left",
			Bare:    warned("reviewer_token_expiring"),
			Inject:  reviewer(expiring),
			Heal:    healReviewer,
		},
	}
}

// vaultReviewer hands a token to Vault alone.
func vaultReviewer(a account, token mint) change {
	return func(ctx context.Context, l *Lab) error {
		bad, err := token(ctx, l.cluster, a)
		if err != nil {
			return err
		}
		return l.configure(ctx, fields{"token_reviewer_jwt": bad})
	}
}

var withoutReviewer = configured(func(*Lab) fields { return fields{"token_reviewer_jwt": ""} })

// removed removes a token file of the exporter.
func removed(name string) change {
	return func(_ context.Context, l *Lab) error { return removeFile(l.path(name)) }
}

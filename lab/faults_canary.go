package lab

// canaryFaults are faults of the exporter's own tokens and permissions. They do not affect the logins of pods.
func canaryFaults() []Fault {
	fault := func(name, summary string, verdict Verdict, token tokenFunc) Fault {
		return Fault{Name: name, Summary: "the canary's token " + summary, Bare: verdict, Inject: setCanaryToken(token), Heal: healCanary}
	}
	revoked, foreign := proven("canary_revoked"), proven("canary_wrong_cluster")
	return []Fault{
		fault("canary_expired", "expired yesterday", proven("canary_expired"), expiredToken),
		fault("canary_not_yet_valid", "is valid from tomorrow", proven("canary_not_yet_valid"), notYetValidToken),
		fault("canary_revoked", "is bound to a pod that was deleted", revoked, deletedPodToken),
		fault("canary_revoked_account_deleted", "belongs to a service account that was deleted", revoked, deletedAccountToken),
		fault("canary_revoked_account_recreated", "belongs to a service account that was deleted and created again", revoked, recreatedAccountToken),
		fault("canary_revoked_secret", "is bound to a Secret that was deleted", revoked, deletedSecretToken),
		fault("canary_token_malformed", "is not a JWT", proven("canary_token_malformed"), literalToken("opaque-and-unknown")),
		fault("canary_token_too_wide", "is also valid for the API server", healthyWithWarning("canary_token_too_wide"), tokenForAudiences(canaryAccount.audience, issuer)),
		fault("canary_wrong_cluster", "is from another cluster", foreign, otherClusterToken),
		fault("canary_wrong_cluster_key", "names this cluster's issuer, but is signed with a key that the cluster no longer has", foreign, otherKeyToken),
		{
			Name:    "canary_token_missing",
			Summary: "the canary's token file is removed",
			Bare:    proven("canary_token_missing"),
			Inject:  removeTokenFile(canaryFile),
			Heal:    healCanary,
		},
		{
			Name:    "canary_wrong_audience",
			Summary: "the canary's token has another audience than the exporter is configured to expect",
			Bare:    proven("canary_wrong_audience"),
			Env:     []string{"EXPORTER_CANARY_AUDIENCES=" + canaryAccount.audience},
			Inject:  setCanaryToken(tokenForAudiences("somebody-else")),
			Heal:    healCanary,
		},
		{
			Name:    "canary_wrong_audience_self_review",
			Summary: "Vault has no reviewer token, and the API server rejects the canary's, whose only audience is Vault",
			Bare:    byElimination("canary_wrong_audience"),
			Full:    proven("canary_wrong_audience"),
			Env:     []string{"EXPORTER_REVIEWER=canary", "EXPORTER_REVIEWER_TOKEN_FILE="},
			Inject:  unsetReviewerInVault,
			Heal:    healConfig,
		},
		{
			Name:    "exporter_forbidden",
			Summary: "the exporter's own identity may not create tokens of the canary",
			Bare:    proven("exporter_forbidden"),
			Env: []string{
				"EXPORTER_CANARY=serviceaccount", "EXPORTER_CANARY_TOKEN_FILE=",
				"EXPORTER_CANARY_SERVICE_ACCOUNT=" + canaryAccount.namespace + "/" + canaryAccount.name,
				"EXPORTER_CANARY_AUDIENCES=" + canaryAccount.audience,
				"EXPORTER_KUBERNETES_TOKEN_FILE=$LAB/" + nobodyFile,
			},
			Inject: noChange,
			Heal:   noChange,
		},
	}
}

package lab

// canaryFaults are those of the exporter's own token, which no pod feels, and of its own rights.
func canaryFaults() []Fault {
	fault := func(name, summary string, verdict Verdict, token tokenFunc) Fault {
		return Fault{Name: name, Summary: "the canary's token " + summary, Bare: verdict, Inject: setCanaryToken(token), Heal: healCanary}
	}
	revoked, foreign := proven("canary_revoked"), proven("canary_wrong_cluster")
	return []Fault{
		fault("canary_expired", "expired yesterday", proven("canary_expired"), expiredToken),
		fault("canary_not_yet_valid", "is valid from tomorrow", proven("canary_not_yet_valid"), notYetValidToken),
		fault("canary_revoked", "is bound to a pod that was deleted", revoked, deletedPodToken),
		fault("canary_revoked_account_deleted", "is of a service account that was deleted", revoked, deletedAccountToken),
		fault("canary_revoked_account_recreated", "is of a service account that was deleted and made anew", revoked, recreatedAccountToken),
		fault("canary_revoked_secret", "is bound to a Secret that was deleted", revoked, deletedSecretToken),
		fault("canary_token_malformed", "is no JWT", proven("canary_token_malformed"), literalToken("opaque-and-unknown")),
		fault("canary_token_too_wide", "is good for the API server too", healthyWithWarning("canary_token_too_wide"), tokenForAudiences(canaryAccount.audience, issuer)),
		fault("canary_wrong_cluster", "is of another cluster", foreign, otherClusterToken),
		fault("canary_wrong_cluster_key", "is of this issuer, and signed with a key that is no longer its own", foreign, otherKeyToken),
		{
			Name:    "canary_token_missing",
			Summary: "the file of the canary's token is removed",
			Bare:    proven("canary_token_missing"),
			Inject:  removeTokenFile(canaryFile),
			Heal:    healCanary,
		},
		{
			Name:    "canary_wrong_audience",
			Summary: "the canary's token was minted for another audience than the exporter is told to expect",
			Bare:    proven("canary_wrong_audience"),
			Env:     []string{"EXPORTER_CANARY_AUDIENCES=" + canaryAccount.audience},
			Inject:  setCanaryToken(tokenForAudiences("somebody-else")),
			Heal:    healCanary,
		},
		{
			Name:    "canary_wrong_audience_self_review",
			Summary: "Vault has no reviewer, and the API server does not take the canary's token, which is for Vault alone",
			Bare:    byElimination("canary_wrong_audience"),
			Env:     []string{"EXPORTER_REVIEWER=canary", "EXPORTER_REVIEWER_TOKEN_FILE="},
			Inject:  unsetReviewerInVault,
			Heal:    healConfig,
		},
		{
			Name:    "exporter_forbidden",
			Summary: "the exporter's own identity may not mint the canary's token",
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

package diagnose

import (
	"fmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The reasons and warnings about the reviewer and its token.
const (
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

	ReviewerTokenExpiring   WarningCode = "reviewer_token_expiring"
	ReviewerTokenBoundToPod WarningCode = "reviewer_token_bound_to_pod"
	TokenSigningKeyRotated  WarningCode = "token_signing_key_rotated"
	ReviewerOverprivileged  WarningCode = "reviewer_overprivileged"
	ReviewerStaleCopy       WarningCode = "reviewer_stale_copy"
	ReviewerNotChecked      WarningCode = "reviewer_not_checked"
)

var reviewerReasons = sorted(
	Spec{
		Code: ReviewerTokenMissing, Component: ComponentReviewer, Title: "the reviewer token is missing",
		Means: "The file in `EXPORTER_REVIEWER_TOKEN_FILE`, or the Secret in `EXPORTER_REVIEWER_SECRET`, is missing, empty, blank or unreadable, " +
			"**and** logins are refused. While logins work it is the warning [`reviewer_stale_copy`](#reviewer_stale_copy).",
		Seen: "The file or Secret could not be read, the login got a bare 403, the mount exists: by elimination, since Vault's copy may differ. " +
			"If the diagnostic role reports that Vault's copy gets a 401, the reason is [`reviewer_unauthorized`](#reviewer_unauthorized).",
		Remedy: "Mount the Secret; check `fsGroup` and the name of the key.",
		Reported: "ondat/trousseau#133: since Kubernetes 1.24 no Secret is created for the reviewer's service account, " +
			"and the token that is read from it is empty.",
		advise: adviseReviewerMissing,
	},
	Spec{
		Code: ReviewerTokenMalformed, Component: ComponentReviewer, Title: "the reviewer token is malformed",
		Means: "The file or Secret does not hold a token that a server could accept: it contains whitespace, is in quotes, " +
			"or is the base64 encoding of the token.",
		Seen:     "As for [`reviewer_token_missing`](#reviewer_token_missing), with the defect named: by elimination. The diagnostic role reports that Vault's copy gets a 401: proven.",
		Remedy:   "Write only the token. Kubernetes decodes a Secret once, so encode the token once.",
		Reported: "hashicorp/vault-plugin-auth-kubernetes#15: the placeholder of the documentation, written as the token.",
		advise:   adviseReviewerToken,
	},
	Spec{
		Code: ReviewerExpired, Component: ComponentReviewer, Title: "the reviewer token has expired",
		Means: "The reviewer's token has expired. Managed clusters shorten a requested lifetime without an error: " +
			"`kubectl create token --duration=8760h` gives 24 h on EKS and AKS, 48 h on GKE.",
		Seen: "401 on the TokenReview and an `exp` more than 60 s ago, or a review by the exporter's own identity that says so: proven.",
		Remedy: "Store the token of a Secret of type `kubernetes.io/service-account-token`, which does not expire, with the **whole** config: a write replaces every field. " +
			"A Vault inside the cluster needs no stored reviewer at all.",
		Reported: "bank-vaults/bank-vaults#1647",
		advise:   adviseReviewerRenew,
	},
	Spec{
		Code: ReviewerNotYetValid, Component: ComponentReviewer, Title: "the reviewer token is not yet valid",
		Means:    "The host that issued the token has a clock that is ahead.",
		Seen:     "401 and an `nbf` more than 60 s ahead, or a review that says so: proven.",
		Remedy:   "Set the clock. The token may be valid by then.",
		Reported: "kubernetes/kubernetes#124022",
		advise: func(evidence.Target, evidence.Evidence) Advice {
			return Advice{
				Notes: []string{"The host that issued the token has a clock that is ahead: set it, or create a new token."},
				Check: []Check{clock},
			}
		},
	},
	Spec{
		Code: ReviewerRevoked, Component: ComponentReviewer, Title: "the reviewer token's service account, pod or Secret is gone",
		Means: "The object that the token is bound to is gone: its pod (a token taken from a pod becomes invalid with it), its Secret, " +
			"or its service account, even if that was created again. Or nobody used the token of a Secret for a year: " +
			"the cluster then marks the Secret with `kubernetes.io/legacy-token-invalid-since`.",
		Seen: "401, and the token has not expired and is bound to a pod or Secret: by elimination. " +
			"A review by the exporter's own identity that says `has been invalidated`, `not found`, `does not match` or `has been marked invalid`, " +
			"or that label on the Secret that the exporter reads: proven.",
		Remedy:   "Create a token that is bound to no pod. Remove the label: a token that is used is not marked again.",
		Reported: "hashicorp/vault#14072: every restart of Vault's pods invalidated the stored token.",
		advise:   adviseReviewerRevoked,
	},
	Spec{
		Code: ReviewerWrongCluster, Component: ComponentReviewer, Title: "the reviewer token is not signed by this cluster's keys",
		Means: "The token belongs to another cluster, or was signed with a key that this cluster no longer has. " +
			"Usually, a Vault in cluster A serves cluster B and sends the token of its own pod.",
		Seen:   "401, and a service account's token with an `iss` other than the canary's: by elimination. A review by the exporter's own identity that says `invalid bearer token` or `no keys found`: proven.",
		Remedy: "Create the token in the cluster that `kubernetes_host` names, or set `disable_local_ca_jwt=true`.",
		Reported: "[An upgrade from Vault 1.7 to 1.11](https://blog.revolve.team/2022/09/20/hashicorp-vault-upgrade-kubernetes/) " +
			"broke a whole pre-production environment.",
		advise: adviseReviewerRenew,
	},
	Spec{
		Code: ReviewerWrongAudience, Component: ComponentReviewer, Title: "the reviewer token is not for the API server's audience",
		Means: "The token was created for another audience, and the API server does not accept it.",
		Seen: "401, and a review by the exporter's own identity that says `invalid for the target audiences`, or `expected audience` of an identity provider's token: proven. " +
			"Without that identity the reason is [`reviewer_unauthorized`](#reviewer_unauthorized).",
		Remedy:   "Create it without `--audience`, or for the audience that the API server expects of its identity provider.",
		Reported: "libopenstorage/operator#1602, of another program: a token for the audience `px` gets `Unauthorized` from the API server.",
		advise:   adviseReviewerRenew,
	},
	Spec{
		Code: ReviewerUnauthorized, Component: ComponentReviewer, Title: "the API server does not accept the reviewer token",
		Means: "The API server answers 401 to the reviewer and does not say why. Vault's debug log then mentions a deleted service account, " +
			"which is misleading: the 401 is about the *reviewer*. The API server also rejects the valid token of a user if it cannot fetch the keys of the identity provider, " +
			"or ask the webhook, that authenticates its users.",
		Seen: "401 on the TokenReview, and the mount exists: proven. If the exporter has its own identity, it can find the cause. " +
			"The diagnostic role reports a 401, and the exporter has no copy or no answer about it: proven.",
		Remedy:   "Renew the token. If the API server could not verify it, repair its way to the identity provider or the webhook instead.",
		Reported: "hashicorp/vault-plugin-auth-kubernetes#373",
		advise:   adviseReviewerUnauthorized,
	},
	Spec{
		Code: ReviewerForbidden, Component: ComponentReviewer, Title: "the reviewer may not create TokenReviews",
		Means: "The API server accepts the reviewer, but the reviewer may not create TokenReviews: it has no binding, a RoleBinding instead of a ClusterRoleBinding, " +
			"or a binding to a ClusterRole that does not exist.",
		Seen:     "403 with `forbidden: User` in its text (a proxy's 403 lacks that), or a SubjectAccessReview that says no: proven.",
		Remedy:   "Bind it to `system:auth-delegator`. This works at once.",
		Reported: "hashicorp/vault-k8s#143",
		advise: func(_ evidence.Target, e evidence.Evidence) Advice {
			// Named after its subject, because a binding of the usual name may exist for another.
			name, subject, user := bindingOf(reviewerUser(e))
			check := Check{"kubectl auth can-i create tokenreviews.authentication.k8s.io --all-namespaces --as=" + user, "the answer no"}
			if seenAsAnother(e) {
				return Advice{Check: []Check{check}, Notes: []string{identityOfProxy(user)}}
			}
			return Advice{
				Check: []Check{check},
				Fix:   []string{"kubectl create clusterrolebinding " + name + " --clusterrole=system:auth-delegator " + subject},
			}
		},
	},
	Spec{
		Code: ReviewerDrift, Component: ComponentReviewer, Title: "Vault has a different reviewer token than the exporter, and Vault's does not work",
		Means: "The exporter's copy of the reviewer token works, but the one stored in Vault does not. Vault never returns the stored one.",
		Seen: "The diagnostic role reports a 401, an identity that may not review, or none: proven. " +
			"The config can be read, and its host and CA are right: by elimination.",
		Remedy: "Write the token in Vault's config from the same source as the file.",
		Reported: "bank-vaults/bank-vaults#1603: the stored reviewer is not Vault's own but that of the pod that wrote the config, " +
			"and becomes invalid with it.",
		advise: adviseReviewerDrift,
	},
)

var reviewerWarnings = []WarningSpec{
	{
		Code: ReviewerTokenExpiring, Component: ComponentReviewer, Title: "the reviewer token expires soon",
		Means:    "The reviewer's token has less than a tenth of its validity left, and less than `EXPORTER_EXPIRY_WARNING_TOKENS`.",
		Seen:     "Its `exp` and `iat`.",
		Remedy:   "As for [`reviewer_expired`](#reviewer_expired), in time.",
		Reported: "bank-vaults/bank-vaults#1647: a token that nobody renewed.",
		judge:    judgeReviewerExpiring,
	},
	{
		Code: ReviewerTokenBoundToPod, Component: ComponentReviewer, Title: "the reviewer token is bound to a pod",
		Means:    "The reviewer's token becomes invalid when a pod is deleted, whatever its `exp` says: the `exp` of a pod's own token is a year ahead.",
		Seen:     "Its claims name a pod.",
		Remedy:   "Store a token that is bound to no pod, such as that of a Secret of type `kubernetes.io/service-account-token`.",
		Reported: "hashicorp/vault-plugin-auth-kubernetes#121",
		judge: func(t evidence.Target, e evidence.Evidence) (finding, bool) {
			c, judged := e.ReviewerToken.Value, e.ReviewerToken.Ok() && !e.ReviewerToken.Value.Opaque
			if c.Pod == "" {
				return finding{}, judged
			}
			return finding{
				holds:  true,
				detail: fmt.Sprintf("the token of the reviewer %s becomes invalid with the pod %s/%s", reviewerName(e), c.Namespace, c.Pod),
				advice: adviseReviewerRenew(t, e),
			}, judged
		},
	},
	{
		Code: TokenSigningKeyRotated, Component: ComponentReviewer, Title: "the reviewer token was signed with a key that is no longer used",
		Means: "The cluster's signing key was rotated after the reviewer's token was issued. The token becomes invalid when the API server no longer has the old key, " +
			"which may be at its next restart.",
		Seen: "The key IDs in the headers of the reviewer's and the canary's token, the newer of which has another one, while the API server accepts both. " +
			"Tokens of Secrets are not compared: the controller manager signs them, in some clusters with a key of its own.",
		Remedy: "Store a new token before the old key is removed.",
		judge:  judgeSigningKey,
	},
	{
		Code: ReviewerOverprivileged, Component: ComponentReviewer, Title: "the reviewer has more permissions than it needs",
		Means: "The reviewer may do more than create TokenReviews and SubjectAccessReviews. The warning names the worst of it: everything; reading Secrets; `escalate`, `bind` " +
			"or `impersonate`; creating tokens of service accounts; running commands in pods; changing RBAC or webhooks; creating or changing workloads; changing Secrets; " +
			"reading ConfigMaps or logs. Vault holds its token.",
		Seen: "A SelfSubjectRulesReview with its own token in its own namespace, on every tenth run; permissions for single named objects do not count. Where an authorizer does not list its rules, " +
			"as webhooks do not, a few more are asked for one by one, and the warning is raised or absent, never 0.",
		Remedy: "Bind it to a ClusterRole that permits `create tokenreviews`, or to `system:auth-delegator`, and only then delete the wide binding.",
		judge:  judgeOverprivileged,
	},
	{
		Code: ReviewerStaleCopy, Component: ComponentReviewer, Title: "the exporter's copy of the reviewer token does not work",
		Means:  "Logins work, and the exporter's copy of the reviewer token does not: Vault has another one. `vault_k8s_auth_reviewer_up` is 0.",
		Seen:   "The TokenReview, or the file, while the login succeeded.",
		Remedy: "Write the file from the same source as Vault's token.",
		judge:  judgeStaleCopy,
	},
	{
		Code: ReviewerNotChecked, Component: ComponentReviewer, Title: "the exporter lacks the permission to check the reviewer",
		Means:  "The exporter lacks the permission to check the reviewer, so it does not notice when the reviewer stops working.",
		Seen:   "403 or 401 on the exporter's own request, or the exporter has no identity.",
		Remedy: "Grant the permission with the commands of the warning.",
		judge:  judgeNotChecked,
	},
}

// judgeStaleCopy raises if the exporter's copy of the reviewer token does not work although
// logins do, which means that Vault has another one.
func judgeStaleCopy(t evidence.Target, e evidence.Evidence) (finding, bool) {
	v, known := firstReviewerVerdict(t, e)
	if !e.Login.Ok() || !known || v.Component() != ComponentReviewer && v.Reason != None {
		return unjudged()
	}
	if v.Reason == None {
		return finding{}, true
	}
	advise := adviseReviewerToken
	if v.Reason == ReviewerTokenMissing {
		advise = adviseReviewerMissing
	}
	return finding{
		holds:  true,
		detail: "logins work, so Vault has a working reviewer token, but the exporter does not: " + v.Detail,
		advice: advise(t, e),
	}, true
}

// judgeNotChecked raises if the exporter lacks a permission that it needs to check the
// reviewer.
func judgeNotChecked(t evidence.Target, e evidence.Evidence) (finding, bool) {
	origin := t.Reviewer
	source := origin.Source.Spec()
	if !source.OwnIdentity && !source.Home || !e.Login.Ok() && !source.AccessReview {
		return unjudged()
	}
	f := e.ReviewerToken.Failure
	if source.AccessReview {
		f = e.Access.Failure
	}
	lacking := f.Class == evidence.ClassForbidden || f.Class == evidence.ClassRefused && (f.Status == 401 || f.Status == 403)
	if source.Home && e.ReviewerToken.Failed() {
		_, known := reviewerNotObtained(t, e)
		lacking = !known
	}
	if !lacking {
		return finding{}, true
	}
	return finding{
		holds:  true,
		detail: fmt.Sprintf("the exporter cannot check the reviewer %s: %s", source.Describe(origin), f.Error()),
		advice: adviseSourcePermission(t, e),
	}, true
}

package diagnose

import (
	"fmt"
	"strings"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/shell"
)

// The reasons and warnings about the canary's own token. They say nothing about pods.
const (
	CanaryTokenMissing   Reason = "canary_token_missing"
	CanaryTokenMalformed Reason = "canary_token_malformed"
	CanaryExpired        Reason = "canary_expired"
	CanaryNotYetValid    Reason = "canary_not_yet_valid"
	CanaryRevoked        Reason = "canary_revoked"
	CanaryWrongCluster   Reason = "canary_wrong_cluster"
	CanaryWrongAudience  Reason = "canary_wrong_audience"
	CanaryRejected       Reason = "canary_rejected"

	CanaryTokenTooWide WarningCode = "canary_token_too_wide"
)

var canaryReasons = sorted(
	Spec{
		Code: CanaryTokenMissing, Component: ComponentCanary, Title: "the canary token is missing",
		Means:    "The file in `EXPORTER_CANARY_TOKEN_FILE` is missing, empty, blank or unreadable. Nothing was sent; pods may be able to log in.",
		Seen:     "The file itself: proven.",
		Remedy:   "Check the pod's projected volume.",
		Reported: "jenkinsci/hashicorp-vault-plugin#98: the token is in the agent's pod, and the login is made on the controller, which has none.",
		advise: func(t evidence.Target, e evidence.Evidence) Advice {
			a := adviseCanaryToken(t, e)
			a.Check = inspect(t, t.Canary)
			return a
		},
	},
	Spec{
		Code: CanaryTokenMalformed, Component: ComponentCanary, Title: "the canary token is malformed",
		Means:  "The file does not contain a JWT, or contains one with a space or line break in it.",
		Seen:   "The file itself: proven.",
		Remedy: "Project the token again; do not copy it by hand.",
		Reported: "hashicorp/vault#23211: the login sent the text `$TOKEN` and got a bare 403; " +
			"Vault's debug log said `compact JWS format must have three parts`.",
		advise: adviseCanaryToken,
	},
	Spec{
		Code: CanaryExpired, Component: ComponentCanary, Title: "the canary token has expired",
		Means: "The canary's token has expired: the file is a copy that nobody renews.",
		Seen: "403 `invalid expiration time (exp) claim`, and the API server agrees (else [`vault_clock_skew`](#vault_clock_skew)); " +
			"or the TokenReview says so, and the token's `exp` has passed: proven. Where clocks disagree: by elimination.",
		Remedy:   "Use a projected token: the kubelet renews it after 80 % of its validity.",
		Reported: "spring-projects/spring-vault#449: a client that reads the file once fails to log in after that token has expired.",
		advise:   adviseCanaryToken,
	},
	Spec{
		Code: CanaryNotYetValid, Component: ComponentCanary, Title: "the canary token is not yet valid",
		Means:    "The token is not yet valid: the clock of its issuer is ahead.",
		Seen:     "403 on `nbf` or `iat`, and the API server agrees (else [`vault_clock_skew`](#vault_clock_skew)); or the TokenReview says so: proven.",
		Remedy:   "Set the clock.",
		Reported: "kubernetes/kubernetes#124022",
		advise:   adviseCanaryToken,
	},
	Spec{
		Code: CanaryRevoked, Component: ComponentCanary, Title: "the canary's service account, pod or Secret is gone",
		Means: "The canary's service account, pod or Secret was deleted, or deleted and created again. " +
			"The API server accepts a cached token for another 10 s.",
		Seen:     "The reviewer's TokenReview says so, and the login got a bare 403: proven.",
		Remedy:   "Create the account, then restart the exporter's pod.",
		Reported: "hashicorp/vault#18498",
		advise: func(t evidence.Target, e evidence.Evidence) Advice {
			return Advice{
				Check: []Check{boundObject(claimsOf(e.CanaryToken, t.Canary))},
				Notes: []string{"Create the service account if it is gone, then restart the exporter's pod, so that it gets a new token."},
			}
		},
	},
	Spec{
		Code: CanaryWrongCluster, Component: ComponentCanary, Title: "the canary token was not issued by this cluster",
		Means: "The canary's token was issued by another cluster, or signed with a key that this cluster no longer has.",
		Seen: "The reviewer's TokenReview says so, and the login got a bare 403: proven. " +
			"A signature that does not verify may be that of a token whose end is missing: by elimination.",
		Remedy:   "Project a token of the cluster that the mount points at.",
		Reported: "charmed-kubernetes/bundle#582: tokens restored from a backup into a cluster with another signing key.",
		advise:   adviseCanaryToken,
	},
	Spec{
		Code: CanaryWrongAudience, Component: ComponentCanary, Title: "the canary token is for another audience",
		Means:    "The token lacks the configured audience; or Vault has no reviewer, and the API server does not accept the canary's token.",
		Seen:     "Vault rejects `aud`, and the token's own claims confirm it: proven. In self-review, a 401: by elimination.",
		Remedy:   "Project it with the right audience; in self-review with the API server's too, or give Vault a reviewer.",
		Reported: "hashicorp/vault-secrets-operator#379",
		advise: func(t evidence.Target, _ evidence.Evidence) Advice {
			if t.Reviewer.Source.Spec().SelfReview {
				return Advice{Notes: []string{canaryAudience(t, "the API server's audience too, or give Vault a reviewer")}}
			}
			return Advice{Notes: []string{canaryAudience(t, "the audience "+strings.Join(t.Canary.Audiences, " or "))}}
		},
	},
	Spec{
		Code: CanaryRejected, Component: ComponentCanary, Title: "the API server does not authenticate the canary as its service account",
		Means:  "The API server authenticates the token as another user than its claims say, or rejects it with a text that the exporter does not know.",
		Seen:   "The TokenReview: proven. By elimination if `EXPORTER_REVIEWER=accessreview` makes none and the diagnostic role shows that Vault can have tokens reviewed.",
		Remedy: "Look for an authentication webhook that maps users.",
		advise: adviseCanaryToken,
	},
)

var canaryWarnings = []WarningSpec{{
	Code: CanaryTokenTooWide, Component: ComponentCanary, Title: "the API server accepts the canary token too",
	Means:  "The API server accepts the canary's token too. Anyone who finds it in a log can use it there.",
	Seen:   "It shares an audience with a reviewer that the API server has just accepted, or has none.",
	Remedy: "Project it with an audience of its own, and write that into the role: `audience=vault`.",
	judge: func(t evidence.Target, e evidence.Evidence) (finding, bool) {
		reviewer, canary := e.ReviewerToken.Value, e.CanaryToken.Value
		if t.Reviewer.Source.Spec().SelfReview || !e.CanaryToken.Ok() || !e.Review.Ok() || len(reviewer.Audiences) == 0 {
			return unjudged()
		}
		if len(canary.Audiences) > 0 && !overlap(canary.Audiences, reviewer.Audiences) {
			return finding{}, true
		}
		return finding{
			holds:  true,
			detail: fmt.Sprintf("the API server accepts the token of the canary %s too, not only Vault", canaryName(e)),
			advice: Advice{Notes: []string{canaryAudience(t, "an audience of its own, such as vault")}},
		}, true
	},
}}

// canaryAudience returns a note that says where to set the canary's audience: in the
// projected volume or, for a minted token, in a variable.
func canaryAudience(t evidence.Target, audience string) string {
	if t.Canary.Source.Spec().External {
		return fmt.Sprintf("Project the token %s with %s.", t.Canary.Source.Spec().Describe(t.Canary), audience)
	}
	return fmt.Sprintf("Mint the token of %s with %s: set EXPORTER_CANARY_AUDIENCES.", t.Canary.Source.Spec().Describe(t.Canary), audience)
}

func adviseCanaryToken(t evidence.Target, _ evidence.Evidence) Advice {
	origin := t.Canary
	source := origin.Source.Spec()
	return Advice{Notes: []string{fmt.Sprintf("EXPORTER_CANARY_%s is %s: it must be a service account token of this cluster.", source.Key, describeSetting(t.Pod, source, origin))}}
}

// boundObject returns the check for a token that is invalid because its pod, Secret or service
// account is gone.
func boundObject(c evidence.Claims) Check {
	get := func(kind, name, field string) string {
		return fmt.Sprintf("kubectl -n %s get %s %s -o jsonpath='%s'",
			shell.QuoteUntrusted(c.Namespace, "namespace"), kind, shell.QuoteUntrusted(name, kind), field)
	}
	const created, again = "{.metadata.creationTimestamp}", "NotFound, or a time after the token was issued"
	switch {
	case c.Pod != "":
		return Check{get("pod", c.Pod, created), again}
	case c.Secret != "":
		return Check{get("secret", c.Secret, created+" {.metadata.labels}"), "NotFound, a time after the token was issued, or the label " + invalidSince}
	}
	account := Check{get("serviceaccount", c.ServiceAccount, "{.metadata.uid}"), "NotFound"}
	if c.UID != "" {
		account.Shows += ", or a UID other than " + shell.QuoteUntrusted(c.UID, "uid")
	}
	return account
}

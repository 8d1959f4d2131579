package diagnose

import (
	"fmt"

	"github.com/vault-k8s-auth-exporter/vault-k8s-auth-exporter/probe/evidence"
)

// The warnings on tokens.

func warnReviewerExpiring(t evidence.Target, e evidence.Evidence) (Warning, bool) {
	c := e.ReviewerToken.Value
	if !e.ReviewerToken.Ok() || c.Opaque {
		return unjudged()
	}
	return raise(ReviewerTokenExpiring, expiring(e.At, c.Issued(), c.Expires),
		fmt.Sprintf("the token of the reviewer %s expires at %s", reviewerName(e), date(c.Expires)),
		adviseReviewerRenew(t, e)...)
}

func warnReviewerBound(t evidence.Target, e evidence.Evidence) (Warning, bool) {
	c := e.ReviewerToken.Value
	if !e.ReviewerToken.Ok() || c.Opaque {
		return unjudged()
	}
	return raise(ReviewerTokenBoundToPod, c.Pod != "",
		fmt.Sprintf("the token of the reviewer %s dies with the pod %s/%s", reviewerName(e), c.Namespace, c.Pod),
		adviseReviewerRenew(t, e)...)
}

// warnReviewerStale tells a copy that is dead from a reviewer that is: logins work,
// so Vault holds a better one.
func warnReviewerStale(t evidence.Target, e evidence.Evidence) (Warning, bool) {
	v, known := firstReviewerVerdict(t, e)
	if !e.Login.Ok() || !known || v.Component() != ComponentReviewer && v.Reason != None {
		return unjudged()
	}
	return raise(ReviewerStaleCopy, v.Reason != None,
		"logins work, so Vault holds a better reviewer token than the exporter: "+v.Detail, adviseReviewerFile(t, e)...)
}

func warnReviewerPowers(_ evidence.Target, e evidence.Evidence) (Warning, bool) {
	if !e.ExcessPrivileges.Ok() {
		return unjudged()
	}
	p, may := e.ExcessPrivileges.Value, "list the Secrets of the whole cluster"
	if p.Everything {
		may = "do everything to everything"
	}
	return raise(ReviewerOverprivileged, p.Everything || p.Secrets,
		fmt.Sprintf("the reviewer %s may %s, and Vault holds its token", reviewerName(e), may),
		"# bind the reviewer to system:auth-delegator and to nothing else; these bindings name it:",
		"kubectl get clusterrolebindings -o wide | grep "+quoteUntrusted(e.ReviewerToken.Value.ServiceAccount, "reviewer"))
}

// warnReviewerUnchecked raises where the exporter's own missing permission keeps the
// reviewer out of sight.
func warnReviewerUnchecked(t evidence.Target, e evidence.Evidence) (Warning, bool) {
	f := e.ReviewerToken.Failure
	switch t.Reviewer.Source {
	case evidence.SourceAccessReview:
		f = e.Access.Failure
	case evidence.SourceServiceAccount, evidence.SourceSecret:
	default:
		return unjudged()
	}
	if !e.Login.Ok() {
		return unjudged()
	}
	lacking := f.Class == evidence.ClassForbidden || f.Class == evidence.ClassRefused && (f.Status == 401 || f.Status == 403)
	if t.Reviewer.Source == evidence.SourceSecret && e.ReviewerToken.Failed() {
		_, known := reviewerNotObtained(t, e)
		lacking = !known
	}
	return raise(ReviewerNotChecked, lacking,
		fmt.Sprintf("logins work, but the exporter cannot look at the reviewer %s: %s", reviewerOf(t), f.Error()),
		adviseReviewerSight(t, e)...)
}

// reviewerOf is the reviewer by the name that the configuration has for it.
func reviewerOf(t evidence.Target) string {
	switch t.Reviewer.Source {
	case evidence.SourceFile:
		return "in " + t.Reviewer.TokenFile
	case evidence.SourceSecret:
		return "in the Secret " + t.Reviewer.Secret.String()
	case evidence.SourceCanary:
		return "which is the canary"
	}
	return t.Reviewer.ServiceAccount.Username()
}

// adviseReviewerSight grants what the reviewer's source takes.
func adviseReviewerSight(t evidence.Target, e evidence.Evidence) []string {
	who, a := account(e.OwnToken.Value, "exporter"), t.Reviewer.ServiceAccount
	if t.Reviewer.Source == evidence.SourceAccessReview {
		return []string{
			"kubectl create clusterrole vault-k8s-auth-exporter --verb=create --resource=subjectaccessreviews.authorization.k8s.io",
			"kubectl create clusterrolebinding vault-k8s-auth-exporter --clusterrole=vault-k8s-auth-exporter --serviceaccount=" + who,
		}
	}
	if t.Reviewer.Source == evidence.SourceSecret {
		return adviseSecretSight(t, e)
	}
	name := quoteTrusted(a.Name + "-token")
	return []string{
		fmt.Sprintf("kubectl -n %s create role %s --verb=create --resource=serviceaccounts/token --resource-name=%s", quoteTrusted(a.Namespace), name, quoteTrusted(a.Name)),
		fmt.Sprintf("kubectl -n %s create rolebinding %s --role=%s --serviceaccount=%s", quoteTrusted(a.Namespace), name, name, who),
	}
}

// adviseSecretSight mends what keeps the exporter from the Secret, in the cluster that
// it runs in: a missing token, a missing permission, or the way there.
func adviseSecretSight(t evidence.Target, e evidence.Evidence) []string {
	s, name := t.Reviewer.Secret, quoteTrusted(t.Reviewer.Secret.Name+"-reader")
	switch f := e.ReviewerToken.Failure; {
	case f.Class == evidence.ClassForbidden:
		return []string{
			fmt.Sprintf("# mount the token of the exporter's own service account at %s", t.Home.TokenFile),
			"ls -l " + quoteTrusted(t.Home.TokenFile),
		}
	case f.Class != evidence.ClassRefused:
		return []string{
			"# the Secret is in the cluster that the exporter runs in:",
			fmt.Sprintf("curl -sSk --max-time 5 %s", quoteTrusted(t.Home.Host+"/readyz")),
		}
	}
	who := "<namespace:exporter>"
	if t.Home.TokenFile == t.Kubernetes.TokenFile {
		who = account(e.OwnToken.Value, "exporter")
	}
	return []string{
		"# both in the cluster that the exporter runs in, and for its service account there:",
		fmt.Sprintf("kubectl -n %s create role %s --verb=get --resource=secrets --resource-name=%s", quoteTrusted(s.Namespace), name, quoteTrusted(s.Name)),
		fmt.Sprintf("kubectl -n %s create rolebinding %s --role=%s --serviceaccount=%s", quoteTrusted(s.Namespace), name, name, who),
	}
}

// warnCanaryWide raises where the canary's token opens the API server too: it
// shares an audience with a reviewer that the API server has just accepted.
func warnCanaryWide(t evidence.Target, e evidence.Evidence) (Warning, bool) {
	reviewer, canary := e.ReviewerToken.Value, e.CanaryToken.Value
	if t.Reviewer.Source == evidence.SourceCanary || !e.CanaryToken.Ok() || !e.Review.Ok() || len(reviewer.Audiences) == 0 {
		return unjudged()
	}
	return raise(CanaryTokenTooWide, len(canary.Audiences) == 0 || overlap(canary.Audiences, reviewer.Audiences),
		fmt.Sprintf("the token of the canary %s is good at the API server too, not only at Vault", canaryName(e)),
		fmt.Sprintf("# project the token in %s with an audience of its own, such as vault", t.Canary.TokenFile))
}

func warnRoleTTL(t evidence.Target, e evidence.Evidence) (Warning, bool) {
	if !e.Login.Ok() {
		return unjudged()
	}
	l := e.Login.Value
	return raise(RoleTTLTooLong, l.Type == evidence.ServiceToken && l.TTL > longTTL,
		fmt.Sprintf("a token that is not revoked lives for %s", l.TTL),
		vault("write", quoteTrusted(rolePath(t)), "token_ttl=60s", "token_max_ttl=60s"))
}

func warnNotRevoked(t evidence.Target, e evidence.Evidence) (Warning, bool) {
	if e.Revoke.State == evidence.NotAsked {
		return unjudged()
	}
	return raise(TokenNotRevoked, e.Revoke.Failed(),
		fmt.Sprintf("the token of the login could not be revoked and lives for %s: %s", e.Login.Value.TTL, e.Revoke.Failure.Error()),
		"# let the role keep the policy default, which permits revoke-self, or give it batch tokens:",
		vault("write", quoteTrusted(rolePath(t)), "token_no_default_policy=false"))
}
